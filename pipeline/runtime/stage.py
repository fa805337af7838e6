"""Start and end of every stage: logging, errors and exit codes."""

import importlib
import logging
import sys

from pipeline.runtime.errors import EmoError, disk_errors, formatted
from pipeline.runtime.stage_record import recorded
from pipeline.runtime.text import printable

logger = logging.getLogger("emo.stage")
"""Log of a stage; `run_stage` prints it on standard output, each line after the stage's name."""


class PlainFormatter(logging.Formatter):
    """Formats records with control characters as escapes: names of files may hold them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return printable(super().format(record))


def run_stage(module_name: str) -> None:
    """Run `main()` of a stage module; print an EmoError as its lines and exit with code 1.

    It also fails if what the stage uses changes while it runs, since DVC would record the changed state; else
    it stores what was used in data/used.

    The module is imported by its name, so that functions sent to worker processes belong to it and
    not to `__main__`, which another process or machine could not import.
    """
    start_logging(module_name.rpartition(".")[2])
    try:
        with disk_errors("", " and rerun `dvc repro`; it resumes"), recorded(module_name):
            importlib.import_module(module_name).main()
    except EmoError as error:
        print(formatted(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; finished work is cached, `dvc repro` resumes", file=sys.stderr)
        sys.exit(130)


def start_logging(stage: str) -> None:
    """Print the log of stages and libraries: information on standard output, warnings on standard error."""
    plain = PlainFormatter(f"{stage}: %(message)s")
    out, err = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    out.addFilter(lambda record: record.levelno < logging.WARNING)
    err.setLevel(logging.WARNING)
    root = logging.getLogger("emo")
    root.setLevel(logging.INFO)
    root.propagate = False
    root.handlers = [out, err]
    for handler in root.handlers:
        handler.setFormatter(plain)
