"""
Text from elsewhere, such that it cannot act on whoever is shown it.

Control characters move cursors and rename windows, marks of direction turn a line around, and
separators begin a line that nobody wrote: on terminals, in logs, in what is pasted from them.
"""

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian and Indic names are spelt with them.
_ACTING = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def printable(text: object) -> str:
    """
    *text* on one line, with every character that could act spelt out.

    >>> printable("Ada\\x1b[31m\\u202e")
    'Ada\\\\x1b[31m\\\\u202e'
    """
    said = str(text)
    return said if said.isprintable() else "".join(map(_printable_character, said))


def printable_json(text: str) -> str:
    """
    JSON that means the same, with every character that could act as an escape; lines stay lines.

    >>> printable_json('"Ada\\x9b31m"')
    '"Ada\\\\u009b31m"'
    """
    return text if text.isprintable() else "".join(map(_json_character, text))


def _printable_character(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return character.encode("unicode_escape").decode() if category in _ACTING else character


def _json_character(character: str) -> str:
    if character in "\t\n\r" or _printable_character(character) in (character, " "):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
