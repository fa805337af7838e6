"""Times in manifests: which columns are times, and what their values mean in seconds."""

import re

UNITS = {"s": "seconds", "ms": "milliseconds", "frame": "frame indices"}
"""Suffix of a column -> unit."""

TIME_COLUMNS = {
    f"{name}_{unit}": (name, unit) for name in ("start", "end", "apex") for unit in ("s", "ms", "frame")
} | {"onset": ("start", "s"), "duration": ("duration", "s")}
"""Column -> which time it is, and its unit. `onset` and `duration` are those of BIDS events."""

UNDERSTOOD = (
    "start_s, end_s, apex_s (seconds or hh:mm:ss); start_ms, end_ms, apex_ms; start_frame, end_frame, "
    "apex_frame; onset, duration (BIDS, seconds)"
)
"""The columns that are read as times, for messages."""

MISSING = ("", "n/a", "na", "nan")
"""Values of an empty cell, in lower case; `n/a` is that of BIDS."""

_SUFFIX = r"(time|ms|msec|s|sec|secs|seconds|frame|frames)?\d*"
_CERTAIN = re.compile(
    "(start|begin|beginning|beg|onset|offset|apex|peak|stop|end|ending|finish|until|till|tmin|tmax|tstart|tend|"
    f"beginn|anfang|ende){_SUFFIX}"
)
"""Words that state a moment of a clip, whatever other words are in the name, except those of `_HARMLESS`."""

_POSSIBLE = re.compile(
    "(from|to|in|out|time|times|timestamp|timecode|tc|t|dur|duration|length|dauer|von|bis|frame|frames|frameno)"
    f"{_SUFFIX}"
)
"""Words that state a moment if there are no other words than these and units."""

_UNIT = re.compile(
    "(s|ms|sec|secs|second|seconds|msec|msecs|millisecond|milliseconds|min|minutes|hh|mm|ss|hhmmss|index|idx|"
    "no|nr|number|of|the|clip|segment|video|recording|stretch|event)"
)
_HARMLESS = frozenset(
    (
        *("date", "day", "month", "year", "age", "rate", "type", "kind", "code", "reason", "comment", "note"),
        *(
            "notes",
            "rater",
            "coder",
            "intensity",
            "amplitude",
            "value",
            "score",
            "confidence",
            "quality",
            "id",
        ),
    )
)
"""Words beside which a moment is not the time of a clip: `peak_intensity`, `start_date`."""

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)", re.ASCII)
_PLAIN = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)


def folded(column: str) -> str:
    """Return the name of a column without case: blanks and hyphens are underscores."""
    return re.sub(r"[\s_-]+", "_", column.strip().lower())


def looks_like_time(column: str) -> bool:
    """Return whether the name of a column may state a time, such as `Begin`, `happy_onset` or `t0`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    words = re.findall(r"[^\W_]+", spaced.lower())
    if any(_CERTAIN.fullmatch(word) for word in words):
        return _HARMLESS.isdisjoint(words)
    possible = [word for word in words if _POSSIBLE.fullmatch(word)]
    return bool(possible) and all(word in possible or _UNIT.fullmatch(word) for word in words)


def seconds(text: str, *, decimal_comma: bool = False) -> float:
    """Return the seconds of `12.5`, `1:02.5` (minutes) or `0:01:02.5` (hours).

    Args:
        text: The text, without blanks around it.
        decimal_comma: Whether a comma is a decimal point, as in tables with semicolons or tabs.

    Raises ValueError for any other text.
    """
    plain = text.replace(",", ".") if decimal_comma and text.count(",") == 1 and "." not in text else text
    if _PLAIN.fullmatch(plain):
        return float(plain)
    found = _CLOCK.fullmatch(plain)
    if not found:
        raise ValueError(f"{text!r} is not a time: seconds (12.5), mm:ss or hh:mm:ss")
    hours, minutes, rest = int(found[1] or 0), int(found[2]), float(found[3])
    if minutes >= 60 or rest >= 60:
        raise ValueError(f"{text!r} is not a time: minutes and seconds are below 60")
    return round(hours * 3600 + minutes * 60 + rest, 6)


def milliseconds(text: str, *, decimal_comma: bool = False) -> float:
    """Return the seconds of a number of milliseconds; raise ValueError for any other text."""
    plain = text.replace(",", ".") if decimal_comma else text
    if not _PLAIN.fullmatch(plain):
        raise ValueError(f"{text!r} is not a number of milliseconds")
    return round(float(plain) / 1000, 6)


def frame_index(text: str) -> int:
    """Return the index of a frame, 0 for the first; raise ValueError for any other text."""
    if not re.fullmatch(r"[0-9]{1,12}(\.0+)?", text):
        raise ValueError(f"{text!r} is not the index of a frame: 0 for the first, then 1, 2 ...")
    return int(float(text))
