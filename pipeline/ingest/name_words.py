"""Words in names of recordings that are no part of a subject code, by what they state.

A first name must not be in any of these lists (Max, Cam, June ...): it would be dropped from the name.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SUBJECT = _words(
    "sub subj subject s p participant actor person vp vpn tn teilnehmer proband id pid sid pp ppt speaker "
    "user volunteer respondent con ctrl control hc pat patient child kid adult student"
)
"""Words before the number of a subject: `sub-01`, `P_01`, `S01`."""

SESSION = _words(
    "ses sess session sitzung visit day tag week woche wave month timepoint tp measurement appointment date"
)
"""Words before the number of a session."""

SESSION_ALONE = _words("pre post baseline followup retest morning afternoon evening")

TAKE = _words(
    "take trial run rep repetition repeat copy try attempt round block item stim stimulus clip scene seq "
    "sequence segment seg order nr no num number part pt version ver video vid mov recording rec file img "
    "condition cond phase index idx task acq split chunk"
)
"""Words before the number of a performance, or of a file."""

VIEW = _words("cam camera kamera view angle webcam device recording phone tablet gopro iphone kinect")
"""Words before the number of a camera."""

VIEW_ALONE = _words(
    "left right front frontal side center centre middle top bottom down profile links rechts oblique webcam "
    "gopro iphone ipad android phone smartphone canon nikon dslr kinect realsense logitech samsung "
    "tablet laptop rgb ir nir depth thermal camera kamera"
)

INTENSITY = _words("level lvl intensity strength")
"""Words before the number of an intensity."""

INTENSITY_ALONE = _words(
    "strong weak mild moderate medium low high intense subtle slight full half extreme apex onset peak "
    "strongly weakly"
)

DESCRIPTION = _words(
    "video videos vid vids clip clips recording recordings rec recs movie movies film films mov face faces "
    "facial expression expressions emotion emotions emo emot cut edit edited final raw trimmed crop cropped "
    "task acq stim beh hd fullhd uhd audio sound silent original orig export h264 mp4 converted compressed "
    "posed spontaneous acted genuine fake elicited induced simulated glasses speech talk talking female male "
    "man woman take trial run rep copy"
)
"""Words that describe a recording, or its subject without naming the subject."""

FOLDER = _words(
    "study studie project projekt data daten dataset datasets database db lab experiment exp pilot main test "
    "train val validation download downloads desktop documents home tmp mnt media users participants "
    "subjects probanden people volunteers actors files all new old footage aufnahmen archive archiv backup "
    "upload uploads corpus material materials collection sample samples demo movies photos pictures dcim "
    "own mine more other others"
)
"""Names of folders that hold the recordings of several subjects."""

FOLDER_PART = _words(
    "study studie data video record aufnahm project projekt emotion expression particip subject proband "
    "experiment"
)
"""Parts of such names: `smithstudy`, `Faces-Data`."""

GROUP = _words(
    "site group gruppe grp cohort batch set lab room center centre class team pair dyad family fam couple "
    "experiment exp study pilot project series"
)
"""Words that may qualify a code: S01 of group1 and S01 of group2 are two people."""

FEELING = _words(
    "calm calmness contempt contemptuous pain painful bored boredom confused confusion excited excitement "
    "amused amusement pride proud shame ashamed embarrassed embarrassment anxious anxiety interest "
    "interested tired laugh laughing laughter cry crying content contentment relief relieved guilt guilty "
    "jealous love hate envy frustrated frustration stress stressed relaxed other normal thinking "
    "concentrated desire doubt disappointed disappointment hope sympathy worried worry upset elated "
    "bitter wink blink frown grin"
)
"""Words for expressions beyond the seven. They are never read as a subject."""

NUMBERS = _words("one two three four five six seven eight nine ten")
