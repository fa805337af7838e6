"""The plan is pure: no files, no DVC."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.inspection import InspectedFile
from pipeline.ingest.plan import IngestPlan, plan_ingest
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.runtime.params import load_params
from pipeline.schema.participants import Participant
from pipeline.video.clip_frames import FramesParams, plan_clip
from pipeline.video.info import VideoInfo
from tests.support.making import clip

INFO = VideoInfo(width=64, height=48, fps=25.0, duration_s=10.0, frames=250, codec="h264", rotation=0)


def proposal(number: int, subject: str, hint: str, **values: float) -> Proposal:
    path = Path(f"{number:03}.mp4")
    return Proposal(
        path=path,
        where=str(path),
        order=(path.name,),
        subject=subject,
        code=subject,
        expression="happy",
        clip=hint,
        video=hint,
        **values,  # type: ignore[arg-type]
    )


def plan_of(proposals: list[Proposal], state: State) -> IngestPlan:
    digests = {p.path: f"{int(p.path.stem):064x}" for p in proposals}
    files = {path: InspectedFile(digest, 1, INFO) for path, digest in digests.items()}
    return plan_ingest(proposals, files, None, state)


def after(state: State, plan: IngestPlan, recordings: int) -> State:
    """The tables of a run that is killed after so many recordings."""
    clips = tuple(clip for recording in plan.recordings[:recordings] for clip in recording.clips)
    subjects = {clip.subject for clip in clips}
    new = tuple(participant for participant in plan.participants.new if participant.subject in subjects)
    return State((*state.participants, *new), (*state.clips, *clips))


ASKED = st.lists(
    st.tuples(st.sampled_from(["S2", "S1", "a"]), st.sampled_from(["x", "X", "x_2", "y"])), min_size=1
)


@settings(deadline=None)  # the machine may be busy
@given(first=ASKED, second=ASKED, cut=st.integers(0, 20))
def test_a_killed_run_and_the_next_give_what_one_run_gives(
    first: list[tuple[str, str]], second: list[tuple[str, str]], cut: int
) -> None:
    start = State()
    early = [proposal(number, *words) for number, words in enumerate(first)]
    start = after(start, plan_of(early, start), len(early))
    late = [proposal(100 + number, *words) for number, words in enumerate(second)]
    whole = after(start, plan_of(late, start), len(late))
    killed = after(start, plan_of(late, start), cut)
    resumed = after(killed, plan_of(late, killed), len(late))
    assert resumed == whole
    assert len({clip.clip.lower() for clip in whole.clips}) == len(first) + len(second)
    assert len({clip.video.lower() for clip in whole.clips}) == len(first) + len(second)
    assert sorted(p.enrolled for p in whole.participants) == list(range(1, len(whole.participants) + 1))


def test_all_errors_are_collected() -> None:
    enrolled = clip("S1_x", video="S1/S1_x.mp4", expression="sad", sha256=f"{1:064x}", duration_s=10.0)
    state = State((Participant("S1", "F", None, "withdrawn", 1),), (enrolled,))
    asked = [
        proposal(1, "S1", "x"),  # withdrawn, and enrolled as sad
        proposal(2, "S2", "x", start_s=11.0, end_s=12.0),  # too late
        proposal(3, "s2", "x"),  # differs by case
    ]
    plan = plan_of(asked, state)
    assert len(plan.errors) == 3
    assert plan.recordings == ()


def test_what_would_be_sampled_of_a_planned_clip_is_known_before_it_is_enrolled() -> None:
    params = load_params("frames", FramesParams, Path(__file__).resolve().parents[2] / "params.yaml")
    asked = [proposal(1, "S1", "whole"), proposal(2, "S1", "part", start_s=2.0, end_s=2.1)]
    asked += [proposal(3, "S1", "peak", apex_s=5.0)]
    plans = [plan_clip(clip, params).sampling for clip in plan_of(asked, State()).added]
    assert [(round(one.start_s, 6), one.end_s) for one in plans] == [(0.4, 9.6), (2.0, 2.1), (4.6, 5.5)]
