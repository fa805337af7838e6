"""Tone mapping of HDR video (HLG and PQ, BT.2100) to the SDR that detectors and recipes expect (BT.709).

The light of the frame is computed for a display of 1000 cd/m2, and diffuse white (203 cd/m2, BT.2408) becomes
the unit. FFmpeg's `mobius` curve leaves what is darker than 0.3 of it as it is, such as most of a face, and
compresses what is brighter. 18 % grey gets the signal that BT.2408 gives it in SDR (42.5 %).
"""

from functools import cache

import numpy as np
from av.video.frame import VideoFrame

_PQ, _HLG = 16, 18
"""Transfer characteristics of HDR video (ITU-T H.273, table 3)."""

_PEAK_CD_M2 = 1000.0
_WHITE_CD_M2 = 203.0
_LINEAR = 0.3
"""Light up to which the tone curve is the identity."""

_LEVELS = 1 << 16
_CURVE_LEVELS = 1 << 12

_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""Linear light of BT.2020 primaries -> BT.709 primaries (BT.2087, 2.2)."""

_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
"""Share of R, G and B in the luminance (BT.2100)."""


def is_hdr(frame: VideoFrame) -> bool:
    """Return whether a frame is HLG or PQ."""
    return int(frame.color_trc) in (_PQ, _HLG)


def tone_mapped(signal: np.ndarray, transfer: int) -> np.ndarray:
    """Return an HDR image in SDR.

    Args:
        signal: (H, W, 3) uint16, RGB, full range, BT.2020 primaries.
        transfer: The frame's transfer characteristics, HLG or PQ.

    Returns:
        (H, W, 3) uint8, BGR, BT.709.
    """
    light = _light_of_hlg(signal) if transfer == _HLG else _pq_table()[signal]
    brightest = np.maximum(light.max(axis=2, keepdims=True), np.float32(1e-6))
    mapped = (light * (_compressed(brightest) / brightest)) @ _TO_BT709.T
    levels = np.clip(mapped, 0, 1) * (_CURVE_LEVELS - 1) ** 2
    return np.ascontiguousarray(_display_table()[np.sqrt(levels).astype(np.int32)][:, :, ::-1])


def _light_of_hlg(signal: np.ndarray) -> np.ndarray:
    """Return the light of a display, in units of diffuse white: scene light with a gamma of 1.2 (BT.2100)."""
    scene = _hlg_table()[signal]
    luminance = np.maximum(scene @ _LUMINANCE, np.float32(1e-6))
    gain = luminance ** np.float32(0.2) * np.float32(_PEAK_CD_M2 / _WHITE_CD_M2)
    return scene * gain[:, :, None]


def _compressed(light: np.ndarray) -> np.ndarray:
    """Return light after the tone curve: 0.3 stays 0.3, the peak becomes 1 (FFmpeg's `mobius`)."""
    peak, linear = _PEAK_CD_M2 / _WHITE_CD_M2, _LINEAR
    a = -(linear**2) * (peak - 1) / (linear**2 - 2 * linear + peak)
    b = (linear**2 - 2 * linear * peak + peak) / (peak - 1)
    scale = (b * b + 2 * b * linear + linear**2) / (b - a)
    light = np.minimum(light, np.float32(peak))
    return np.where(
        light <= linear, light, np.float32(scale) * (light + np.float32(a)) / (light + np.float32(b))
    )


@cache
def _hlg_table() -> np.ndarray:
    """Return the scene light, 0 to 1, of every level of an HLG signal (BT.2100, table 5)."""
    signal = np.linspace(0, 1, _LEVELS)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


@cache
def _pq_table() -> np.ndarray:
    """Return the light, in units of diffuse white, of every level of a PQ signal (BT.2100, table 4)."""
    power = np.linspace(0, 1, _LEVELS) ** (32 / 2523)
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (16384 / 2610)
    return (light * 10_000 / _WHITE_CD_M2).astype(np.float32)


@cache
def _display_table() -> np.ndarray:
    """Return the SDR signal of light, by the square root of light in steps of 1/4095 (BT.1886: gamma 2.4)."""
    root = np.linspace(0, 1, _CURVE_LEVELS)
    return np.round(255 * root ** (2 / 2.4)).astype(np.uint8)
