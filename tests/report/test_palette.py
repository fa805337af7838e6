"""The page has the colours of the figures."""

import re

from pipeline.figures import style
from tests.support.making import TOP


def test_the_page_has_the_colours_of_the_figures() -> None:
    page = (TOP / "pipeline/report/style.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", page.split("@media")[0]))
    assert (light["accent"], light["lost"], light["ink"]) == (style.BLUE, style.VERMILION, style.INK)
