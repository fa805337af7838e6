import shlex
from pathlib import Path, PurePosixPath

import pytest

from pipeline.ingest import layouts
from pipeline.ingest.layouts.layout import RENAME, NameReading, ParsedName, SkippedFile, UnreadName
from pipeline.ingest.layouts.registry import LAYOUTS, choose_layout
from pipeline.ingest.subject_pattern import compile_pattern, read_by_pattern
from pipeline.runtime.errors import EmoError

FOLDER = Path(layouts.__path__[0])


def read(*names: str, layout: str = "auto") -> list[NameReading]:
    paths = [PurePosixPath(name) for name in names]
    readings = choose_layout(paths, layout).readings
    return [readings[path] for path in paths]


def read_folders(*names: str) -> list[tuple[str, str, str] | str]:
    """Read names with the layout `folders`; return (subject, expression, part), or why a name is not read."""
    readings = LAYOUTS["folders"].read([PurePosixPath(name) for name in names])
    return [(r.subject, r.word, r.part) if isinstance(r, ParsedName) else r.reason for r in readings.values()]


# Names as the corpora publish them; expected values from their documentation, see the modules.
EXAMPLES: dict[str, tuple[str, NameReading]] = {
    "Actor_05/01-01-03-01-02-01-05.mp4": (
        "ravdess",
        ParsedName("Actor_05", "happy", "01-01-03-01-02-01-05", take="01-03-01-02-01-05", sex="M"),
    ),
    "Video_Song_Actor_24/Actor_24/02-02-06-02-01-02-24.mp4": (
        "ravdess",
        ParsedName("Actor_24", "fearful", "02-02-06-02-01-02-24", take="02-06-02-01-02-24", sex="F"),
    ),
    "VideoFlash/1001_DFA_ANG_XX.flv": ("cremad", ParsedName("1001", "ANG", "1001_DFA_ANG_XX")),
    "1040_ITH_SAD_X.flv": ("cremad", ParsedName("1040", "SAD", "1040_ITH_SAD_X")),
    "M003/front/angry/level_1/001.mp4": (
        "mead",
        ParsedName("M003", "angry", "M003_front_angry_level_1_001", take="M003_angry_level_1_001", sex="M"),
    ),
    "MEAD/W009/video/left_30/contempt/level_2/010.mp4": (
        "mead",
        ParsedName(
            "W009", "contempt", "W009_left_30_contempt_level_2_010", take="W009_contempt_level_2_010", sex="F"
        ),
    ),
    "DC/a01.avi": ("savee", ParsedName("DC", "anger", "DC_a01", sex="M")),
    "AudioVisual/JE/sa07.avi": ("savee", ParsedName("JE", "sadness", "JE_sa07", sex="M")),
    "KL_su15.avi": ("savee", ParsedName("KL", "surprise", "KL_su15", sex="M")),
    "JK/n30.avi": ("savee", ParsedName("JK", "neutral", "JK_n30", sex="M")),
    "subject 1/anger/sentence 1/s1_an_1.avi": (
        "enterface",
        ParsedName("subject_1", "anger", "subject_1_an_1"),
    ),
    "enterface/subject 3/anger/sentence 2/s_3_an_2.avi": (
        "enterface",
        ParsedName("subject_3", "anger", "subject_3_an_2"),
    ),
    "subject-12/sadness/sentence-5/s12_sa_5.avi": (
        "enterface",
        ParsedName("subject_12", "sadness", "subject_12_sa_5"),
    ),
    "s44_su_3.avi": ("enterface", ParsedName("subject_44", "surprise", "subject_44_su_3")),
    "sub-01/ses-02/beh/sub-01_ses-02_task-happy_run-01_video.mp4": (
        "bids",
        ParsedName("sub-01", "happy", session="02", part="ses-02_run-01"),
    ),
    "bids/sub-AB_task-faces_acq-sad_recording-left_beh.mp4": (
        "bids",
        ParsedName("sub-AB", "sad", part="task-faces_recording-left", take="sub-AB_sad_task-faces"),
    ),
    "jaffe/KA.AN1.39.tiff": ("jaffe", ParsedName("KA", "anger", "KA_AN1_39", sex="F")),
    "ka.an1.39.TIFF": ("jaffe", ParsedName("KA", "anger", "KA_AN1_39", sex="F")),
    "YM.SU3.62.tiff": ("jaffe", ParsedName("YM", "surprise", "YM_SU3_62", sex="F")),
    "AF01/AF01ANS.JPG": ("kdef", ParsedName("F01", "angry", "AF01ANS", sex="F")),
    "BM35AFS.JPG": ("kdef", ParsedName("M35", "afraid", "BM35AFS", sex="M")),
    "AF01/AF01ANHL.JPG": ("kdef", SkippedFile("not a frontal view (KDEF angle HL)")),
    "train/angry/Training_3908.jpg": ("fer2013", ParsedName("", "angry")),
    "test/fear/PrivateTest_10131363.jpg": ("fer2013", ParsedName("", "fear")),
    "train/happy/anna 1.png": ("imagefolder", ParsedName("", "happy")),
    "happy/1.png": ("imagefolder", ParsedName("", "happy")),
}

ELSEWHERE = {"folders", "ckplus"}
"""Layouts that read several names together; their tests are below and in test_images.py."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_names_of_corpora_are_recognised_and_read(name: str) -> None:
    layout, expected = EXAMPLES[name]
    assert read(name, layout=layout) == [expected]
    if LAYOUTS[layout].auto:
        choice = choose_layout([PurePosixPath(name)], media=LAYOUTS[layout].media)
        assert (choice.layout, choice.readings[PurePosixPath(name)]) == (layout, expected)


def test_every_layout_module_is_registered_under_its_name_and_has_an_example() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "layout", "registry"}
    assert {layout.name for layout in LAYOUTS.values()} == set(LAYOUTS) == modules
    assert {layout for layout, _ in EXAMPLES.values()} == modules - ELSEWHERE


@pytest.mark.parametrize(
    ("layout", "name"), [("jaffe", "KA.AN1.png"), ("kdef", "AF31V.JPG"), ("fer2013", "angry/1.jpg")]
)
def test_other_names_do_not_match(layout: str, name: str) -> None:
    assert isinstance(LAYOUTS[layout].read([PurePosixPath(name)])[PurePosixPath(name)], UnreadName)


def test_ravdess_with_and_without_sound_are_one_take_and_sound_alone_is_skipped() -> None:
    names = [f"Actor_12/{modality}-01-06-01-02-01-12.mp4" for modality in ("01", "02", "03")]
    both, silent, sound = read(*names)
    assert isinstance(both, ParsedName)
    assert isinstance(silent, ParsedName)
    assert both.take == silent.take
    assert both.clip != silent.clip
    assert isinstance(sound, SkippedFile)


def test_mead_views_are_one_take() -> None:
    readings = read(*(f"M003/{view}/happy/level_3/001.mp4" for view in ("front", "left_60", "top", "down")))
    assert len({reading.take for reading in readings if isinstance(reading, ParsedName)}) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "study/S01/happy.mp4": ("S01", "happy", ""),
        "study/S01/happy_2.mp4": ("S01", "happy", "2"),
        "study/S01/Fearful take 3.mov": ("S01", "Fearful", "take_3"),
        "study/S01/S01_sad_02.mp4": ("S01", "sad", "02"),
        "study/S01/no expression.mp4": ("S01", "no expression", ""),
        "study/S01/happy/VID_0012.mp4": ("S01", "happy", "VID_0012"),
        "study/S01/happy/S01_happy_3.mp4": ("S01", "happy", "3"),
        "S41/happy/001.mp4": ("S41", "happy", "001"),
        "study/happy/S01.mp4": ("S01", "happy", ""),
        "study/happy/S01_2.mp4": ("S01", "happy", "2"),
        "study/happy/sub-01_2.mp4": ("sub-01", "happy", "2"),
        "study/happy/P_01.mp4": ("P_01", "happy", ""),
        "study/happy/anna (2).mp4": ("anna", "happy", "2"),
        "study/happy/S01/007.mp4": ("S01", "happy", "007"),
        "study/S01_happy.mp4": ("S01", "happy", ""),
        "study/P_01_happy_2.mp4": ("P_01", "happy", "2"),
        "study/happy-S01.mp4": ("S01", "happy", ""),
        "sub-01/ses-2/happy.mp4": ("sub-01", "happy", "ses-2"),
        "study/Mu\u0308ller/joy.mp4": ("M\u00fcller", "joy", ""),
        "clips/001/happy.mp4": ("001", "happy", ""),
    }.items(),
)
def test_names_of_own_recordings(name: str, expected: tuple[str, str, str]) -> None:
    assert read_folders(name) == [expected]


@pytest.mark.parametrize(
    "name",
    [
        "study/happy/anna_1.mp4",  # anna, first take, or a person anna_1?
        "study/happy/01_02.mp4",
        "anna/happy/001.mp4",  # anna or 001?
        "study2/happy/S01.mp4",
        "study/happy_001.mp4",
        "study/S01/happy/S02_sad.mp4",  # folder and file contradict each other
        "study/happy/S01_sad.mp4",
        "videos/happy.mp4",
        "study/Joy/happy.mp4",  # a person, or an expression?
        "study/S01_happy_sad.mp4",
    ],
)
def test_ambiguous_names_are_refused(name: str) -> None:
    (reason,) = read_folders(name)
    assert "rename it, or list it in a --manifest" in reason


@pytest.mark.parametrize(
    ("name", "subject", "session", "part"),
    [
        ("rec/S01_ses1_happy.mp4", "S01", "1", "ses_1"),
        ("rec/P001_trial02_neutral.mp4", "P001", "", "trial_02"),
        ("rec/S01_01_happy.mp4", "S01", "", "01"),
        ("rec/01_happy_S01.mp4", "S01", "", "01"),
        ("rec/S01_2024-05-01_happy.mp4", "S01", "2024-05-01", "2024_05_01"),
        ("rec/S01_20240501_123456_happy.mp4", "S01", "2024-05-01", "20240501_123456"),
        ("rec/S01/happy_GX010012.MP4", "S01", "", "GX_010012"),
        ("rec/S01/strong happy.mp4", "S01", "", "strong"),
        ("rec/S01/ses1/happy.mp4", "S01", "1", "ses1"),
        ("rec/S01/day2/happy_take3.mp4", "S01", "day2", "day2_take_3"),
        ("rec/S01_T1_happy.mp4", "S01", "", "T_1"),
        ("rec/S01happy2.mp4", "S01", "", "2"),
        ("rec/sub-01_ses-02_task-happy_run-01_video.mp4", "sub-01", "02", "ses_02_task_run_01_video"),
    ],
)
def test_sessions_and_takes_are_no_part_of_the_subject(
    name: str, subject: str, session: str, part: str
) -> None:
    (reading,) = LAYOUTS["folders"].read([PurePosixPath(name)]).values()
    assert (reading.subject, reading.session, reading.part) == (subject, session, part)


def test_views_share_a_take_and_trials_do_not() -> None:
    takes = [
        reading.take
        for reading in LAYOUTS["folders"]
        .read([PurePosixPath(f"rec/S01/Happy_{end}.mp4") for end in ("left", "right_2", "2_front", "cam1")])
        .values()
    ]
    assert takes == ["S01_happy", "S01_happy_2", "S01_happy_2", "S01_happy"]
    trials = read_folders("rec/S01/happy_trial1.mp4", "rec/S01/happy_trial2.mp4")
    assert trials == [("S01", "happy", "trial_1"), ("S01", "happy", "trial_2")]


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("rec/S01_K07_happy.mp4", "S01", "K07"),
        ("rec/S01T02_happy.mp4", "S01", "S01T02"),
        ("rec/P001a_happy.mp4", "P001", "P001a"),
        ("rec/S01-1_happy.mp4", "S01", "S01-1"),
        ("rec/anna_1_happy.mp4", "anna", "anna_1"),
        ("anna/outdoor happy.mp4", "anna", "outdoor"),
        ("Elisa/anna/happy.mp4", "Elisa", "anna"),
        ("rec/S01/anna_happy.mp4", "S01", "anna"),
        ("rec/001/S01_happy.mp4", "001", "S01"),
        ("rec/S1/happy_2.mp4", "S1", "2"),
    ],
)
def test_two_possible_subjects_are_refused_with_patterns_that_read_either(
    name: str, one: str, two: str
) -> None:
    (reason,) = read_folders(name)
    assert f"name is ambiguous: subject {one!r} or {two!r}" in reason
    patterns = [shlex.split(text)[0] for text in reason.split("--subject-pattern ")[1:]]
    paths = [PurePosixPath(name)]
    found = [read_by_pattern(compile_pattern(pattern), paths).readings[paths[0]] for pattern in patterns]
    assert [reading.subject for reading in found] == [one, two]


def test_names_of_one_finding_have_one_message() -> None:
    first, second = read_folders("rec/S01_K07_happy.mp4", "rec/S02_K09_sad.mp4")
    assert first == second


def test_names_without_expression_say_so() -> None:
    for name in ("rec/S01/IMG_1234.MOV", "rec/S01_1.mp4", "rec/sub-01_run-01_video.mp4"):
        with pytest.raises(EmoError, match=r"^its name states no expression; rename it, or list it in"):
            read(name)


def test_declared_words_are_expressions() -> None:
    paths = [PurePosixPath(f"rec/S01_{word}.mp4") for word in ("happy", "flow", "au 12")]
    choice = choose_layout(paths, declared=("flow", "au12", "au-12"))
    assert [(r.subject, r.word) for r in choice.readings.values() if isinstance(r, ParsedName)] == [
        ("S01", "happy"),
        ("S01", "flow"),
        ("S01", "au 12"),
    ]


@pytest.mark.parametrize("layout", ["bids", "folders"])
def test_bids_names_are_read_by_both_layouts(layout: str) -> None:
    names = [
        f"sub-{n}_ses-0{s}_task-{w}_beh.mp4" for n in ("01", "02") for s in (1, 2) for w in ("happy", "sad")
    ]
    found = [r for r in read(*names, layout=layout) if isinstance(r, ParsedName)]
    assert {(r.subject, r.session) for r in found} == {
        (f"sub-{n}", s) for n in ("01", "02") for s in ("01", "02")
    }
    assert choose_layout([PurePosixPath(name) for name in names]).layout == "bids"


def test_bids_files_in_folders_of_others_are_refused() -> None:
    (wrong,) = LAYOUTS["bids"].read([PurePosixPath("sub-01/sub-02_task-happy_beh.mp4")]).values()
    assert wrong == UnreadName("names sub-02, but is in the folder sub-01", "move or rename it")
    unknown = [PurePosixPath(f"sub-01_task-{word}_beh.mp4") for word in ("happy", "flow")]
    assert [r.word for r in LAYOUTS["bids"].read(unknown).values()] == ["happy", "flow"]


def test_several_folders_of_numbered_files_are_subjects() -> None:
    assert read_folders("data/anna/happy/001.mp4", "data/bob/happy/001.mp4") == [
        ("anna", "happy", "001"),
        ("bob", "happy", "001"),
    ]


def test_sites_are_not_subjects() -> None:
    assert all(
        "name is ambiguous" in reason for reason in read_folders("siteA/happy/S01.mp4", "siteB/sad/S02.mp4")
    )


def test_one_code_below_two_folders_is_refused() -> None:
    first, second, third = read_folders("x/siteA/S01/happy.mp4", "x/siteB/S01/sad.mp4", "x/siteB/S02/sad.mp4")
    assert "subject 'S01' is below x/siteA, x/siteB: one subject or several?" in first
    assert first == second
    assert third == ("S02", "sad", "")


def test_a_file_in_the_folder_of_another_subject_is_refused() -> None:
    assert read_folders("x/S01/sad.mp4", "x/S01/S02_happy.mp4") == [
        ("S01", "sad", ""),
        "names subject 'S02', but is in the folder of 'S01'; move or rename it",
    ]
    assert read_folders("x/day one/S02_happy.mp4") == [("S02", "happy", "")]


def test_unknown_expressions_are_read_by_the_usual_arrangement() -> None:
    assert read_folders("x/S01/happy.mp4", "x/S01/calm.mp4")[1] == ("S01", "calm", "")
    assert read_folders("x/S01_happy.mp4", "x/S01_calm_2.mp4")[1] == ("S01", "calm", "2")


def test_the_layout_that_matches_most_names_is_chosen_with_a_reason() -> None:
    choice = choose_layout(
        [PurePosixPath(f"C/100{n}_DFA_ANG_XX.flv") for n in range(3)] + [PurePosixPath("C/x.flv")]
    )
    assert choice.layout == "cremad"
    assert choice.reason == "it reads 3 of 4 names, such as C/1000_DFA_ANG_XX.flv: ANG of 1000"
    assert choice.readings[PurePosixPath("C/x.flv")] == UnreadName(
        "name does not match layout cremad (1001_DFA_ANG_XX.flv)", RENAME
    )


def test_layouts_that_do_not_match_or_exist() -> None:
    with pytest.raises(EmoError, match="--layout: 'ravdes' is not one of auto, ravdess"):
        read("a.mp4", layout="ravdes")
    with pytest.raises(EmoError, match=r"does not match layout mead .* all 2 videos.*leave out --layout"):
        read("DC/a01.avi", "DC/a02.avi", layout="mead")
    with pytest.raises(EmoError, match=r"^name does not state subject and expression"):
        read("x.mp4")
