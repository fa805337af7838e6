"""The one style of all figures, contact sheets and strips: colours, fonts, resolution and how they are saved.

Importing this module loads Pillow but not Matplotlib, so that stages without plots start quickly. Colours are
`#rrggbb`, which both libraries take.
"""

import io
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFont
from PIL.PngImagePlugin import PngInfo

from pipeline.runtime.errors import EmoError
from pipeline.runtime.files import replacing
from pipeline.runtime.text import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, SKY_BLUE, GREEN, YELLOW = "#0072b2", "#56b4e9", "#009e73", "#f0e442"
ORANGE, VERMILION, PURPLE, BLACK = "#e69f00", "#d55e00", "#cc79a7", "#000000"
BROWN = "#7a4a1e"
"""Colours that are distinguishable with any colour vision (Okabe & Ito 2008, Color Universal Design)."""

INK, FAINT, GREY, GRID, PAPER = "#1f2933", "#606c76", "#6b6b6b", "#e6e6e6", "#ffffff"
"""Text, secondary text, reference data, grid lines and background."""

STATUS_COLOURS: Mapping[str, str] = {
    "image": GREEN,
    "duplicate": SKY_BLUE,
    "no_face": VERMILION,
    "several_faces": PURPLE,
    "too_small": ORANGE,
    "blurred": YELLOW,
    "excluded": BROWN,
    "other_class": BLUE,
    "no_consent": "#4b2e83",
    "withdrawn": BLACK,
    "not_built": "#969696",
}
"""By status of a frame."""

DPI = 110
"""Resolution of PNG figures, pixels per inch."""

FORMATS = ("png", "svg", "pdf")
"""File formats of `save_figure`."""

_VECTOR_SETTINGS: Any = {"svg.hashsalt": "emo", "svg.fonttype": "none", "pdf.fonttype": 42}
"""Fixed element ids; text stays text (SVG) and fonts are embedded as TrueType (PDF)."""

_METADATA: Mapping[str, Mapping[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""Leaves out the version and the date that Matplotlib would write: the same figure gives the same bytes."""


# --- Saving -----------------------------------------------------------------------------------------


def check_format(name: str) -> None:
    """Raise EmoError unless figures can be written in this format, one of FORMATS."""
    if name not in FORMATS:
        raise EmoError(f"format {name!r} is not one of {listed(FORMATS)}")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a Matplotlib figure as PNG, SVG or PDF, by the suffix of `path`; the same figure, the same bytes.

    Raises EmoError for any other suffix.
    """
    import matplotlib as mpl

    kind = path.suffix.lower().lstrip(".")
    check_format(kind)
    buffer = io.BytesIO()
    with mpl.rc_context(_VECTOR_SETTINGS):
        figure.savefig(buffer, format=kind, dpi=figure.dpi, metadata=_METADATA[kind])
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def save_image(image: Image.Image, path: Path, note: str = "") -> None:
    """Write an image as PNG or, if the suffix is .jpg or .jpeg, as JPEG.

    The note is stored as uncompressed text: in a tEXt chunk `emo` of a PNG, in the comment of a JPEG.
    """
    with replacing(path) as temporary:
        if path.suffix.lower() == ".png":
            texts = PngInfo()
            if note:
                texts.add_text("emo", note)
            image.save(temporary, format="PNG", pnginfo=texts, compress_level=1)  # half the time
        else:
            image.save(temporary, format="JPEG", quality=92, comment=note)


# --- Axes -------------------------------------------------------------------------------------------


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty Matplotlib figure, `width` x `height` inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def style_axes(*all_axes: "Axes") -> None:
    """Remove the upper and right frame and draw a light grid behind the data."""
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)


# --- Text -------------------------------------------------------------------------------------------


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font of contact sheets and strips at a size in pixels; it is bundled with Pillow."""
    return ImageFont.load_default(size)  # type: ignore[return-value]


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the red, green and blue of a colour `#rrggbb`, 0..255 each."""
    red, green, blue = bytes.fromhex(colour.lstrip("#"))
    return red, green, blue


def cut_end(text: str, size: int, width_px: float) -> str:
    """Return a text without its end, and `...` instead, if it is wider than `width_px`."""
    face = font(size)
    if face.getlength(text) <= width_px:
        return text
    while text and face.getlength(f"{text}...") > width_px:
        text = text[:-1]
    return f"{text}..."


def cut_middle(text: str, size: int, width_px: float) -> str:
    """Return a text without its middle, and `..` instead, if it is wider than `width_px`."""
    face = font(size)
    shown, cut = text, 0
    while face.getlength(shown) > width_px and cut < len(text):
        cut += 1
        half = (len(text) - cut) // 2
        shown = f"{text[: len(text) - cut - half]}..{text[len(text) - half :]}"
    return shown


def wrapped(text: str, size: int, width_px: float) -> list[str]:
    """Return a text as lines at most `width_px` wide, broken between words or within words that are wider."""
    face = font(size)
    lines = [""]
    for word in chain.from_iterable(_pieces(whole, face, width_px) for whole in text.split()):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and face.getlength(longer) > width_px:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _pieces(word: str, face: ImageFont.FreeTypeFont, width_px: float) -> Iterator[str]:
    while face.getlength(word) > width_px and len(word) > 1:
        fitting = (end for end in range(len(word) - 1, 1, -1) if face.getlength(word[:end]) <= width_px)
        end = next(fitting, 1)
        yield word[:end]
        word = word[end:]
    yield word
