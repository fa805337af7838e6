"""`emo include`: take an exclusion back."""

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


def include(
    clip: ClipArgument = None,
    from_s: FromOption = None,
    to_s: ToOption = None,
    reason: ReasonOption = "",
    rater: RaterOption = "",
    file: FileOption = None,
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Include an excluded clip, or a stretch of it, again.

    Records the decision in raw/decisions.csv (docs/decisions.md), which keeps the exclusion and its reason,
    too.

    \b
    emo include V01_happy --reason "second look: the eyes are open"
    emo include V01_happy --from 1.2 --to 1.4 --reason "only 1.4 to 1.6 s is a blink"
    emo include --file again.csv                 # columns clip, start_s, end_s, reason, rater
    """
    from pipeline.decisions.proposals import Proposal
    from pipeline.schema.decisions import INCLUDE

    asked = Proposal(clip, INCLUDE, clip, from_s, to_s, "", reason, rater) if clip else None
    record_and_print(asked, INCLUDE, file, reason=reason, rater=rater, wait=not no_wait, as_json=as_json)
