"""`emo exclude`: leave a clip, or a stretch of it, out of the dataset."""

from pipeline.commands.console import JsonOption, NoWaitOption
from pipeline.commands.deciding import (
    ClipArgument,
    FileOption,
    FromOption,
    RaterOption,
    ReasonOption,
    ToOption,
    record_and_print,
)


def exclude(
    clip: ClipArgument = None,
    from_s: FromOption = None,
    to_s: ToOption = None,
    reason: ReasonOption = "",
    rater: RaterOption = "",
    file: FileOption = None,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Leave a clip, or a stretch of it, out of the dataset.

    Records the decision in raw/decisions.csv (docs/decisions.md). The clip stays enrolled; `dvc repro` builds
    the dataset without the excluded images, in seconds. `emo include` takes the decision back.

    \b
    emo exclude V01_happy --reason "looks away" --rater r1
    emo exclude V01_happy --from 1.2 --to 1.6 --reason blink
    emo exclude --file blinks.csv --rater r1     # columns clip, start_s, end_s, reason, rater
    """
    from pipeline.decisions.proposals import Proposal
    from pipeline.schema.decisions import EXCLUDE

    asked = Proposal(clip, EXCLUDE, clip, from_s, to_s, "", reason, rater) if clip else None
    record_and_print(asked, EXCLUDE, file, reason=reason, rater=rater, wait=not no_wait, as_json=as_json)
