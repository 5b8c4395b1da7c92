"""The sheet's tokens: what is read stands out from its ground, in both colour schemes."""

import re
from collections.abc import Mapping
from itertools import product

import pytest

from service.web.assets import assets

TEXT_RATIO = 4.5
SHAPE_RATIO = 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11, level AA."""
GROUNDS = ("paper", "surface", "sunken")
TEXTS = ("ink", "soft", "link", "accent", "certain", "presumed", "possible", "withdrawn")
PAIRS = [
    *((text, ground, TEXT_RATIO) for text, ground in product(TEXTS, GROUNDS)),
    *((shape, ground, SHAPE_RATIO) for shape, ground in product(("edge", "focus"), GROUNDS)),
    ("on-accent", "accent", TEXT_RATIO),
    ("refused", "refused-ground", TEXT_RATIO),
    ("good", "good-ground", TEXT_RATIO),
    ("told", "told-ground", TEXT_RATIO),
]


def schemes() -> Mapping[str, Mapping[str, str]]:
    """The colours by name, of each scheme."""
    sheet = assets()["page.css"].body.decode()
    light, dark = re.findall(r":root \{\n(.*?)\n *\}", sheet, re.DOTALL)[:2]
    found = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", each)) for each in (light, dark)]
    return {"light": found[0], "dark": found[1]}


def luminance(colour: str) -> float:
    """Relative luminance, from 0 to 1 (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    """From 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_ratio_is_as_defined() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shown", "ground", "least"), PAIRS)
def test_what_is_shown_stands_out(scheme: str, shown: str, ground: str, least: float) -> None:
    colours = schemes()[scheme]
    assert ratio(colours[shown], colours[ground]) >= least


def test_every_colour_has_a_dark_one() -> None:
    found = schemes()
    assert found["light"].keys() == found["dark"].keys()


def test_colours_are_named_once() -> None:
    """Elsewhere the sheet says what a thing is; print is black on white."""
    sheet = assets()["page.css"].body.decode()
    rules = sheet.split("/* The ground */")[1].split("@media print")[0]
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb\(|hsl\(", rules) == []
