"""How every stage starts and ends."""

import errno
import importlib
import os
import sys

from pipeline.core.errors import EmoError


def run_stage(module_name: str) -> None:
    """Run `main()` of a stage module; print an EmoError as its lines and exit with code 1.

    The module is imported by its name, so that functions sent to worker processes belong to it and
    not to `__main__`, which another process or machine could not import.
    """
    try:
        importlib.import_module(module_name).main()
    except EmoError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; what was finished is kept, `dvc repro` goes on from there", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in _MACHINE_FAULTS:
            raise
        print(
            f"error: {error.filename or 'disk'}: {os.strerror(error.errno)}; "
            f"{_MACHINE_FAULTS[error.errno]} and run `dvc repro` again, it goes on from there",
            file=sys.stderr,
        )
        sys.exit(1)


_MACHINE_FAULTS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EACCES: "make it writable for you",
    errno.EPERM: "make it writable for you",
    errno.EROFS: "make it writable",
}
