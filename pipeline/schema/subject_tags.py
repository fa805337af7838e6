"""Tags that name the subjects shown, in images and files that users may keep.

A tag is plain text, uncompressed, so that a byte search finds it in any file.
"""

from collections.abc import Iterable

PREFIX = "emo-subject:"


def subject_tag(subjects: Iterable[str]) -> str:
    """Return the tag of the subjects that a file shows."""
    return "".join(f"{PREFIX}{subject};" for subject in sorted(set(subjects)))
