"""Pictures of pages: letters that are there, drawings that tell apart, and bytes within a limit."""

import asyncio
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service.web.pictures import kept
from service.web.pictures.drawing import (
    HEIGHT,
    WIDTH,
    Curve,
    Drawn,
    Lane,
    Pair,
    Part,
    Picture,
    Step,
    to_png,
)
from service.web.pictures.kept import Pictures
from service.web.pictures.lettering import SIGNS, font, in_lines, readable
from tests.support.nasty import ALL

MISSING = "\uffff"
PLAIN = Picture("Lab", "Mind", "Mind on 1 June 2024.")


def test_font_has_every_letter_that_is_drawn() -> None:
    def drawn(letter: str) -> bytes:
        return bytes(font(32).getmask(letter))

    box = drawn(MISSING)
    assert box, "what is missing is a box"
    letters = [*map(chr, range(0x21, 0x7F)), *SIGNS]
    assert [letter for letter in letters if drawn(letter) in (box, b"")] == []


@given(st.text())
def test_nothing_else_is_left_in_a_text(text: str) -> None:
    assert {letter for letter in readable(text) if not " " <= letter <= "~"} <= SIGNS


def test_names_in_other_scripts_are_written_in_letters_that_there_are() -> None:
    assert readable("李飞飞") == "LiFeiFei"
    assert readable("Łukasz Kaiser, née") == "Lukasz Kaiser, nee"
    assert readable("\u202e\u200b", "l-1") == "l-1", "of what nobody sees the id is said"


@pytest.mark.parametrize(
    "text", ["a word or two", "W" * 400, "many words " * 60, "", ALL, "a " + "x" * 300]
)
def test_lines_have_room(text: str) -> None:
    lines = in_lines(readable(text), 40, 500, 3)
    assert len(lines) <= 3
    assert all(font(40).getlength(line) <= 500 for line in lines)
    is_cut = "".join(lines).replace(" ", "") != readable(text).replace(" ", "")
    assert is_cut == bool(lines and lines[-1].endswith("…"))


def image(picture: Picture) -> Image.Image:
    made = Image.open(BytesIO(to_png(picture)))
    assert made.format == "PNG"
    assert made.size == (WIDTH, HEIGHT)
    return made.convert("RGB")


DRAWN: tuple[Drawn, ...] = (
    Curve((Step(0, 1, 1, 1), Step(50, 0, 0, 0), Step(99, 5000, 0, 1)), "2015", "2026"),
    Curve((), "2026", "2026"),
    (Lane("Mind", (Part("certain", 0, 50), Part("ending", 50, 50))),) * 9,
    (Lane(ALL, ()),),
    (Pair(1, 2, 3, 4), Pair(0, 0, 0, 0)),
    (Pair(0, 0, 0, 0),),
)


@pytest.mark.parametrize("drawn", DRAWN)
@pytest.mark.parametrize("text", ["", "Mind", ALL, "W" * 300])
def test_every_picture_is_of_one_size(drawn: Drawn, text: str) -> None:
    image(PLAIN._replace(title=text, said=text, overline=text, drawn=drawn))
    assert len(to_png(PLAIN._replace(title=text, drawn=drawn))) < 100_000


def test_equal_facts_are_equal_bytes() -> None:
    picture = PLAIN._replace(drawn=DRAWN[2])
    assert to_png(picture) == to_png(Picture(*picture))


def test_what_is_possible_is_hatched_and_what_is_certain_solid() -> None:
    def shares(mark: str) -> list[float]:
        part = image(PLAIN._replace(drawn=(Lane("Mind", (Part(mark, 0, 100),)),)))
        box = part.crop((300, 378, 1000, 394))
        counts = [count for count, _ in box.getcolors() or []]
        return [count / sum(counts) for count in counts]

    assert shares("certain") == [1.0]
    assert shares("presumed") == [1.0]
    assert len(shares("beginning")) == 2
    assert min(shares("beginning")) > 0.2


async def test_pictures_are_drawn_once_and_held_within_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []

    def draw(picture: Picture) -> bytes:
        drawn.append(picture.title)
        return picture.title.encode() * 10

    monkeypatch.setattr(kept, "to_png", draw)
    pictures = Pictures(bytes_max=25)

    async def ask(titles: str) -> list[bytes]:
        wanted = (pictures.drawn(PLAIN._replace(title=title)) for title in titles)
        return await asyncio.gather(*wanted)

    assert await ask("aab") == [b"a" * 10, b"a" * 10, b"b" * 10]
    assert drawn == ["a", "b"], "who asks at once waits for the same picture"
    await ask("ac")
    await ask("a")
    assert drawn == ["a", "b", "c"], "the one that was asked for last stays"
    await ask("b")
    assert drawn == ["a", "b", "c", "b"]
