"""
Texts as a picture can show them: with the one font that comes along, whatever a machine has.

Source: Pillow's own font, Aileron, which has the letters of ASCII and a few signs. What it has
not, such as CJK, Arabic and letters with accents, is written in those, as ids are; a box in the
place of a letter is never drawn.
"""

from functools import lru_cache

from anyascii import anyascii
from PIL import ImageFont

SIGNS = frozenset("©«°±·»‘’“”…‹›™")
"""Beyond ASCII."""
_MORE = "…"
LETTERS_MAX = 400
"""More have no room in any text of a picture, however narrow they are."""


def readable(text: str, otherwise: str = "") -> str:
    """
    *text* in letters that the font has; *otherwise* where nothing of it can be said in them.

    >>> readable("Zoë 李飞飞"), readable("\u202e\u2063", "l-1")
    ('Zoe LiFeiFei', 'l-1')
    """
    said = "".join(c if _is_there(c) else anyascii(c) for c in text[:LETTERS_MAX])
    return " ".join("".join(c for c in said if _is_there(c)).split()) or otherwise


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font, *size* pixels high."""
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont), "wheels of Pillow have FreeType in them"
    return found


def in_lines(text: str, size: int, width: int, most: int) -> list[str]:
    """
    *text* broken between words, and within those that are too long, into *most* lines at most.

    Units: *size* and *width* in pixels. What has no room is cut off, with an ellipsis.
    """
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        cut = _fitting(rest, size, width)
        if cut < len(rest):
            if len(lines) == most - 1:
                cut = _fitting(rest, size, width - round(font(size).getlength(_MORE)))
                lines.append(rest[:cut].rstrip() + _MORE)
                break
            cut = rest.rfind(" ", 1, cut + 1) if " " in rest[1 : cut + 1] else cut
        lines.append(rest[:cut].strip())
        rest = rest[cut:].lstrip()
    return lines


def _fitting(text: str, size: int, width: int) -> int:
    """How many letters have room, one at least."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font(size).getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _is_there(letter: str) -> bool:
    return " " <= letter <= "~" or letter in SIGNS
