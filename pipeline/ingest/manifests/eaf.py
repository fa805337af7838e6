"""ELAN's annotation files (.eaf): XML by the schema EAF 3.0 (MPI for Psycholinguistics).

A file has a header with its media, a list of time slots, and tiers of annotations. An annotation has two time
slots, or refers to an annotation of another tier, whose times it shares.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from pipeline.ingest.sources import VIDEO_SUFFIXES
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.regular_files import read_regular


@dataclass(frozen=True)
class ElanMedia:
    """A recording that an ELAN file is about."""

    names: tuple[str, ...]
    "Paths to try, the one relative to the .eaf first."
    origin_ms: int
    "Time of the recording at which the time of the annotations is 0, milliseconds (ELAN's media offset)."


@dataclass(frozen=True)
class Annotation:
    """An annotation of a tier."""

    value: str
    start_ms: int | None
    "None if ELAN has not aligned it."
    end_ms: int | None


@dataclass(frozen=True)
class Tier:
    """A tier with its annotations."""

    name: str
    participant: str
    "Empty if the tier states none."
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class ElanFile:
    """What an .eaf holds."""

    path: Path
    videos: tuple[ElanMedia, ...]
    tiers: tuple[Tier, ...]


def read_eaf(path: Path) -> ElanFile:
    """Read an .eaf.

    Raises EmoError if the file cannot be read, is not ELAN's XML, or has a DOCTYPE, whose entities may expand
    to any length; ELAN writes none.
    """
    root = _parsed(path)
    header = root.find("HEADER")
    if root.tag != "ANNOTATION_DOCUMENT" or header is None:
        raise EmoError(f"{path}: not an annotation file of ELAN (its root is <{root.tag}>)")
    units = header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise EmoError(f"{path}: its times are {units}; open and save it with a current version of ELAN")
    times = _Times.of(root)
    return ElanFile(path, _videos(header, path), tuple(_tier(tier, times) for tier in root.findall("TIER")))


def _tier(tier: ET.Element, times: "_Times") -> Tier:
    items = [item[0] for item in tier.findall("ANNOTATION") if len(item)]
    annotations = tuple(
        Annotation((item.findtext("ANNOTATION_VALUE") or "").strip(), *times.span(item)) for item in items
    )
    return Tier(tier.get("TIER_ID", ""), tier.get("PARTICIPANT", "").strip(), annotations)


class _DoctypeError(Exception):
    """The file has a DOCTYPE."""


class _WithoutDoctype(ET.TreeBuilder):
    """Builds the tree, and refuses a DOCTYPE before any of its entities is read."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        """Refuse the declaration; the parser calls this."""
        raise _DoctypeError


def _parsed(path: Path) -> ET.Element:
    try:
        return ET.fromstring(read_regular(path), ET.XMLParser(target=_WithoutDoctype()))
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file") from None
    except OSError as error:
        raise EmoError(f"{path}: cannot be read: {reason(error)}") from None
    except ET.ParseError as error:
        raise EmoError(f"{path}: line {error.position[0]}: not valid XML ({error}); copy it again") from None
    except (LookupError, ValueError) as error:  # an encoding that the parser does not know
        raise EmoError(f"{path}: not valid XML ({error}); copy it again") from None
    except _DoctypeError:
        raise EmoError(f"{path}: has a DOCTYPE, which ELAN does not write; save it again with ELAN") from None


def _videos(header: ET.Element, path: Path) -> tuple[ElanMedia, ...]:
    videos = []
    for item in filter(_is_video, header.findall("MEDIA_DESCRIPTOR")):
        origin_ms = _milliseconds(item.get("TIME_ORIGIN", "0"))
        if origin_ms is None:
            raise EmoError(f"{path}: TIME_ORIGIN {item.get('TIME_ORIGIN')!r} is not a number of milliseconds")
        names = _names(item.get("RELATIVE_MEDIA_URL", ""), item.get("MEDIA_URL", ""))
        videos.append(ElanMedia(names, origin_ms))
    return tuple(videos)


def _is_video(media: ET.Element) -> bool:
    suffix = Path(media.get("MEDIA_URL", "")).suffix.lower()
    return media.get("MIME_TYPE", "").startswith("video") or suffix in VIDEO_SUFFIXES


def _names(*urls: str) -> tuple[str, ...]:
    """Return paths of URLs such as `./a.mp4` and `file:///C:/a%20b.mp4`, as written and decoded."""
    paths = []
    for url in filter(None, urls):
        body = re.sub(r"^file:/*", "", url)
        is_rooted = body != url and not re.match(r"[A-Za-z]:|\.", body)
        path = f"/{body}" if is_rooted else body
        paths += [path, unquote(path)]
    return tuple(dict.fromkeys(paths))


@dataclass(frozen=True)
class _Times:
    """Finds the times of annotations."""

    slots: Mapping[str, int | None]
    "Id of a time slot -> milliseconds; None if ELAN has not aligned it."
    items: Mapping[str, ET.Element]
    "Id of an annotation -> its element."
    divided: frozenset[str]
    "Annotations that share the time of one annotation with others, so that their own times are unknown."

    @classmethod
    def of(cls, root: ET.Element) -> "_Times":
        slots = {
            s.get("TIME_SLOT_ID", ""): _milliseconds(s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT")
        }
        found = [*root.iter("ALIGNABLE_ANNOTATION"), *root.iter("REF_ANNOTATION")]
        items = {item.get("ANNOTATION_ID", ""): item for item in found}
        pairs = [(name, item.get("PREVIOUS_ANNOTATION", "")) for name, item in items.items()]
        return cls(slots, items, frozenset(name for pair in pairs if pair[1] for name in pair))

    def span(self, item: ET.Element) -> tuple[int | None, int | None]:
        """Return start and end in milliseconds: its own, or those of the annotation to which it refers."""
        for _ in self.items:
            if item.get("ANNOTATION_ID", "") in self.divided:
                break
            above = self.items.get(item.get("ANNOTATION_REF", ""))
            if above is None:
                start, end = item.get("TIME_SLOT_REF1", ""), item.get("TIME_SLOT_REF2", "")
                return self.slots.get(start), self.slots.get(end)
            item = above
        return None, None


def _milliseconds(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,12}", text) else None
