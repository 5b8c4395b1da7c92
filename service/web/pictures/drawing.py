"""A picture as it is drawn: title, a sentence, and what the page draws of its facts."""

from collections.abc import Sequence
from io import BytesIO
from itertools import zip_longest
from typing import NamedTuple

from PIL import Image, ImageDraw

from service.web.pictures.lettering import font, in_lines, readable

WIDTH, HEIGHT = 1200, 630
"""In pixels, as those who show previews ask for it."""
MEDIA_TYPE = "image/png"
LANES_MAX = 5
_MARGIN = 64
_INNER = WIDTH - 2 * _MARGIN
_TOP, _FLOOR = 372, 556
"""Between these heights is what is drawn."""
_LABEL = 220
"""Pixels for the names of lanes."""
_PAPER, _INK, _SOFT, _LINE = "#faf9f6", "#1d2329", "#565f69", "#dfdcd4"
_CERTAIN, _PRESUMED, _VAGUE, _LEFT = "#155a96", "#8fb1cf", "#8a5200", "#52606e"


class Step(NamedTuple):
    """How many there were, from one place of a time to the next step's."""

    x: float
    """In percent of the width."""
    certain: int
    presumed: int
    possible: int


class Curve(NamedTuple):
    """A headcount over time."""

    steps: Sequence[Step]
    first: str
    last: str
    """What the ends of the time are called."""


class Part(NamedTuple):
    """Part of a lane; in percent of its width."""

    mark: str
    """`certain` and `presumed`; all else is vague."""
    x: float
    width: float


class Lane(NamedTuple):
    """One line with a name."""

    name: str
    parts: Sequence[Part]
    told: str = ""
    """What stands at its end."""


class Pair(NamedTuple):
    """How many came and how many went in one period; with those who only may have."""

    joined: int
    left: int
    joined_possibly: int
    left_possibly: int


Drawn = Curve | tuple[Lane, ...] | tuple[Pair, ...]


class Picture(NamedTuple):
    """What a picture shows; pictures that are equal are the same bytes."""

    overline: str
    title: str
    said: str
    drawn: Drawn = ()


def to_png(picture: Picture) -> bytes:
    """The picture as a file."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 11), fill=_CERTAIN)
    _write(draw, picture)
    match picture.drawn:
        case Curve():
            _curve(image, draw, picture.drawn)
        case (Lane(), *_):
            _lanes(image, draw, [one for one in picture.drawn if isinstance(one, Lane)])
        case (Pair(), *_):
            _pairs(image, draw, [one for one in picture.drawn if isinstance(one, Pair)])
    draw.text((_MARGIN, HEIGHT - 28), "Lab Timeline", _SOFT, font(24), anchor="ls")
    file = BytesIO()
    # A few colours and their shades at the edges of letters: a third of the bytes.
    image.quantize(64, dither=Image.Dither.NONE).save(file, "PNG")
    return file.getvalue()


def _write(draw: ImageDraw.ImageDraw, picture: Picture) -> None:
    lines_max = 2 if picture.drawn else 4
    y = 84
    draw.text((_MARGIN, y), readable(picture.overline), _SOFT, font(26), anchor="ls")
    title = readable(picture.title, picture.overline)
    size = next((s for s in (72, 60) if len(in_lines(title, s, _INNER, 2)) == 1), 52)
    for line in in_lines(title, size, _INNER, lines_max):
        y += round(size * 1.15)
        draw.text((_MARGIN, y), line, _INK, font(size), anchor="ls")
    y += 14
    for line in in_lines(readable(picture.said), 32, _INNER, 2):
        y += 42
        draw.text((_MARGIN, y), line, _INK, font(32), anchor="ls")


def _curve(image: Image.Image, draw: ImageDraw.ImageDraw, curve: Curve) -> None:
    top = max((sum(step[1:]) for step in curve.steps), default=0) or 1
    right = WIDTH - _MARGIN - 90
    for step, after in zip_longest(curve.steps, curve.steps[1:]):
        end = 100.0 if after is None else after.x
        x, x_end = (_MARGIN + round((right - _MARGIN) * at / 100) for at in (step.x, end))
        floor, count = _FLOOR - 28, 0
        for number, colour in zip(step[1:], (_CERTAIN, _PRESUMED, _VAGUE), strict=True):
            count += number
            y = _FLOOR - 28 - round((_FLOOR - 28 - _TOP) * count / top)
            _fill(image, (x, y, x_end, floor), colour, is_hatched=colour == _VAGUE)
            floor = y
    draw.line((_MARGIN, _FLOOR - 28, right, _FLOOR - 28), _LINE, 2)
    draw.text((_MARGIN, _FLOOR), curve.first, _SOFT, font(22), anchor="ls")
    draw.text((right, _FLOOR), curve.last, _SOFT, font(22), anchor="rs")
    draw.text((WIDTH - _MARGIN, _TOP + 16), f"{top:,}", _SOFT, font(22), anchor="rs")


def _lanes(image: Image.Image, draw: ImageDraw.ImageDraw, lanes: Sequence[Lane]) -> None:
    shown = lanes[:LANES_MAX]
    left, right = _MARGIN + _LABEL, WIDTH - _MARGIN - 90
    for number, lane in enumerate(shown):
        y = _TOP + number * 36
        name = in_lines(readable(lane.name), 24, _LABEL - 16, 1)
        draw.text((_MARGIN, y + 22), "".join(name), _INK, font(24), anchor="ls")
        for part in lane.parts:
            x, end = (
                left + round((right - left) * at / 100) for at in (part.x, part.x + part.width)
            )
            colour = {"certain": _CERTAIN, "presumed": _PRESUMED}.get(part.mark, _VAGUE)
            _fill(image, (x, y + 2, max(end, x + 2), y + 24), colour, is_hatched=colour == _VAGUE)
        draw.text((WIDTH - _MARGIN, y + 22), lane.told, _SOFT, font(24), anchor="rs")
    if len(lanes) > len(shown):
        more = f"and {len(lanes) - len(shown)} more"
        draw.text((WIDTH - _MARGIN, HEIGHT - 28), more, _SOFT, font(24), anchor="rs")


def _pairs(image: Image.Image, draw: ImageDraw.ImageDraw, pairs: Sequence[Pair]) -> None:
    most = max(
        max(p.joined + p.joined_possibly, p.left + p.left_possibly) for p in pairs
    ) or 1  # fmt: skip
    middle, half = (_TOP + _FLOOR) // 2, (_FLOOR - _TOP) // 2 - 4
    room = _INNER / len(pairs)
    for number, pair in enumerate(pairs):
        x, end = _MARGIN + round(room * number) + 2, _MARGIN + round(room * (number + 1)) - 2
        up, down = round(half * pair.joined / most), round(half * pair.left / most)
        more_up = round(half * pair.joined_possibly / most)
        more_down = round(half * pair.left_possibly / most)
        _fill(image, (x, middle - up, end, middle), _CERTAIN)
        _fill(image, (x, middle - up - more_up, end, middle - up), _VAGUE, is_hatched=True)
        _fill(image, (x, middle, end, middle + down), _LEFT)
        _fill(image, (x, middle + down, end, middle + down + more_down), _VAGUE, is_hatched=True)
    draw.line((_MARGIN, middle, WIDTH - _MARGIN, middle), _INK, 2)


def _fill(
    image: Image.Image, box: tuple[int, int, int, int], colour: str, *, is_hatched: bool = False
) -> None:
    """A rectangle; hatched where it is of what is only possible, as on the pages."""
    x, y, end, floor = box
    if end <= x or floor <= y:
        return
    if not is_hatched:
        ImageDraw.Draw(image).rectangle((x, y, end - 1, floor - 1), fill=colour)
        return
    mask = Image.new("1", (end - x, floor - y))
    lines = ImageDraw.Draw(mask)
    # From one place whatever is hatched, so that neighbours go on with the lines of one another.
    first = (-(x + y)) % 8 - (floor - y) - 8
    for at in range(first - first % 8 + (-(x + y)) % 8, end - x + floor - y, 8):
        lines.line((at, 0, at - (floor - y), floor - y), 1, 3)
    image.paste(colour, box, mask)
