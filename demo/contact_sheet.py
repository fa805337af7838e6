"""Draw the virtual cohort on one sheet: a row a person, a column an expression.

python demo/contact_sheet.py docs/images/cohort.jpg
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from pipeline.schema.expressions import EXPRESSIONS
from pipeline.video.decode import Sampling, Tally, sample

CLIPS = Path(__file__).parent / "clips"
APEX_S = 1.0
CELL = (160, 120)


def picture(video: Path) -> np.ndarray:
    """Return the frame at the apex as (h, w, 3) uint8 BGR, upright, letterboxed into a cell."""
    pixels = next(sample(video, Sampling(APEX_S, APEX_S + 0.5, 1.0, 640), Tally())).pixels
    scale = min(CELL[0] / pixels.shape[1], CELL[1] / pixels.shape[0])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cell = np.full((CELL[1], CELL[0], 3), 255, np.uint8)
    left = (CELL[0] - small.shape[1]) // 2
    cell[: small.shape[0], left : left + small.shape[1]] = small
    return cell


def main() -> None:
    """Write the sheet to the path given."""
    people = sorted(path for path in CLIPS.iterdir() if path.is_dir())
    rows = [np.hstack([picture(person / f"{name}.mp4") for name in EXPRESSIONS]) for person in people]
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
