"""Marks in pictures and files that emo makes for people to keep: whose they are, so that they can be found.

A mark is plain text, uncompressed, so that a search by bytes finds it in whatever the file is put into.
"""

from collections.abc import Iterable

PREFIX = "emo-subject:"


def mark(subjects: Iterable[str]) -> str:
    """Return the text that names the people whom a file shows."""
    return "".join(f"{PREFIX}{subject};" for subject in sorted(set(subjects)))
