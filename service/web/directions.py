"""Sentences that keep their order: what runs from right to left in them turns nothing around."""

import re

from markupsafe import Markup, escape

_RIGHT_TO_LEFT = (
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_RUN = re.compile(rf"{_RIGHT_TO_LEFT}+(?:(?:[^\w,;\n]|[\d_])*{_RIGHT_TO_LEFT}+)*")
"""From a letter to the last one that no other writing and no comma parts from it."""
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def isolated(text: str) -> Markup:
    """
    *text*, with each part that runs from right to left in an element of its own direction.

    For sentences that names are part of already: a number after an Arabic name would else be
    shown before it. A name that stands by itself is put in `bdi` whole.

    >>> isolated("עדה (ב) 1 < 2")
    Markup('<bdi>עדה (ב)</bdi> 1 &lt; 2')
    """
    if text.isascii():
        return escape(text)
    said, after = [], 0
    for run in _RUN.finditer(text):
        end = run.end()
        # A bracket that the run opened and did not close belongs to it.
        for opening, closing in _BRACKETS.items():
            if run[0].count(opening) > run[0].count(closing) and text.startswith(closing, end):
                end += 1
        said += [
            escape(text[after : run.start()]),
            Markup("<bdi>%s</bdi>") % text[run.start() : end],
        ]
        after = end
    return Markup("").join([*said, escape(text[after:])])
