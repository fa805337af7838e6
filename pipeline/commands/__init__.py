"""One module per command. `TASKS` groups the commands by task, as `emo --help` lists them."""

from collections.abc import Callable

from pipeline.commands.audit import audit
from pipeline.commands.compare import compare
from pipeline.commands.decisions import decisions
from pipeline.commands.demo import demo
from pipeline.commands.diff import diff
from pipeline.commands.exclude import exclude
from pipeline.commands.export import export
from pipeline.commands.figures import figures
from pipeline.commands.include import include
from pipeline.commands.ingest import ingest
from pipeline.commands.models import models
from pipeline.commands.predict import predict
from pipeline.commands.protocols import protocols
from pipeline.commands.relabel import relabel
from pipeline.commands.report import report
from pipeline.commands.summary import summary
from pipeline.commands.trace import trace
from pipeline.commands.upgrade import upgrade
from pipeline.commands.versions import versions
from pipeline.commands.withdraw import withdraw

TASKS: dict[str, tuple[Callable[..., None], ...]] = {
    "Enrol": (ingest, demo, withdraw),
    "Decide": (exclude, include, relabel, decisions),
    "Build (with `dvc repro`)": (models, upgrade),
    "Look": (summary, report, figures, predict),
    "Ask": (audit, versions, diff, trace, compare, protocols),
    "Share": (export,),
}
