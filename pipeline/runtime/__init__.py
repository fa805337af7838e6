"""Files, settings, errors and processes: what all other packages use.

The first module that a stage or the command line loads. Ctrl-C while the others load, which takes seconds
with PyTorch, then ends the program with one line.
"""

import os
import sys
from types import TracebackType

LARGEST_PX = 8192 * 8192
"""Most pixels of an image or frame that is decoded: one takes about 0.4 GB."""

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(LARGEST_PX))  # read when OpenCV is loaded

_PROGRAMS = ("emo", "emo.exe", "cli.py")


def _is_program(path: str) -> bool:
    """Return whether a path is that of the command line or of a stage."""
    if path == "-m":  # `python -m pipeline.stages.train` imports the packages above the module first
        return any(word.startswith("pipeline.stages.") for word in sys.orig_argv)
    parts = path.replace(os.sep, "/").split("/")
    return parts[-1] in _PROGRAMS or parts[-3:-1] == ["pipeline", "stages"]


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an exception that ends the program: Ctrl-C in one line, exit code 130."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    os._exit(130)


if _is_program(sys.argv[0] if sys.argv else ""):
    sys.excepthook = _end
