"""The layouts of `emo export`."""

from pipeline.export.imagefolder import IMAGEFOLDER
from pipeline.export.layout import Layout
from pipeline.export.npz import NPZ
from pipeline.export.webdataset import WEBDATASET

LAYOUTS: dict[str, Layout] = {
    "imagefolder": IMAGEFOLDER,
    "webdataset": WEBDATASET,
    "npz": NPZ,
}
