"""Tags in images and files that emo writes for people to keep: they name the subjects shown.

A tag is plain text, uncompressed, so that a byte search finds it in whatever file it is put into.
"""

from collections.abc import Iterable

PREFIX = "emo-subject:"


def subject_tag(subjects: Iterable[str]) -> str:
    """Return the text that names the subjects whom a file shows."""
    return "".join(f"{PREFIX}{subject};" for subject in sorted(set(subjects)))
