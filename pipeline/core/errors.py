"""What the user can mend."""

import os


class EmoError(Exception):
    """A fault in the input, the settings or the machine that the user can mend.

    The message is one line (or one line a bad clip) with the file, the value and the remedy. Programs
    print it to stderr and exit with code 1; any other exception is a bug and keeps its traceback.
    """


def reason(error: OSError) -> str:
    """Return in words why the system refused; libraries raise some without a text, or with their own."""
    return os.strerror(error.errno) if error.errno else str(error)


def listed(values: object, limit: int = 8) -> str:
    """Join values for a message: `a, b, c and 12 more`."""
    texts = [str(value) for value in values]  # type: ignore[attr-defined]
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])} and {len(texts) - limit} more"
