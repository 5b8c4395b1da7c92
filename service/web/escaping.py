"""Texts as HTML has them: escaped, and spelt out where they would act on whoever reads them."""

from typing import Any

from markupsafe import Markup, escape

from service.printable import printable
from service.web.directions import isolated


def as_shown(text: str) -> Markup:
    """*text* as templates write it: escaped, and spelt out where it would act."""
    return escape(spelt_out(text))


def spelt_out(value: Any) -> Any:
    """A text as it is shown: what would turn a line around or hide in it is spelt out."""
    if type(value) is not str or value.isprintable():
        return value
    return "\n".join(map(printable, value.split("\n")))


def as_coded(text: str) -> Markup:
    """*text*, with what stands between backticks as code."""
    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    said = (f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    return Markup("".join(said))  # noqa: S704 (every part is escaped)


def as_sentence(text: str) -> Markup:
    """A sentence that names are part of, each in its own direction."""
    return isolated(spelt_out(text))


def as_value(text: str) -> Markup:
    r"""
    A text as a form sends it back: what would act or hide is there, as a reference.

    >>> as_value("a\u202e\n<")
    Markup('a&#8238;\n&lt;')
    """
    escaped = str(escape(text))
    if not escaped.isprintable():
        escaped = "".join(
            one if one.isprintable() or one == "\n" else _reference_to(one) for one in escaped
        )
    return Markup(escaped)  # noqa: S704 (it was escaped)


def _reference_to(character: str) -> str:
    """
    A reference that comes to *character*; itself where there is none.

    HTML reads references to the controls from U+0080 on as Windows did: `&#150;` is a dash.
    """
    return character if "\x80" <= character <= "\x9f" else f"&#{ord(character)};"
