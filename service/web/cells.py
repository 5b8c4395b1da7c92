"""
What stands in the cells of many tables.

A macro of a template would take six times as long for each, and a page has hundreds of them.
"""

from functools import lru_cache

from markupsafe import Markup

from service.answers.moves import MoveEnd, MoveView, Sure
from service.answers.names import Named
from service.domain.dates import in_words
from service.web.addresses import at_the_same_time, event_address, lab_address, person_address
from service.web.asked import Asked
from service.web.escaping import as_shown

_RELATIONS_UNSAID = ("employee", "founder")
"""What nearly all are, or what the role says too."""
NAMES_MAX = 8_192
"""That are held as they are written, of some twenty labs of 450."""


def lab_link(lab: Named | None, asked: Asked, otherwise: str = "") -> Markup:
    """A lab by its name, which leads to it at the same time; *otherwise* where there is none."""
    if lab is None:
        return Markup('<span class="soft">{}</span>').format(otherwise)
    link = f'<a href="{lab_address(lab.id)}{_times(asked)}">{_name(lab.name)}</a>'
    return Markup(link)  # noqa: S704 (the name is escaped, the address is quoted)


def person_link(person: Named, asked: Asked) -> Markup:
    """A person by their name, which leads to them at the same time."""
    link = f'<a href="{person_address(person.id)}{_times(asked)}">{_name(person.name)}</a>'
    return Markup(link)  # noqa: S704 (the name is escaped, the address is quoted)


def dated(end: MoveEnd | None, asked: Asked) -> Markup:
    """A date in words, which opens what it rests on."""
    if end is None:
        return Markup('<span class="soft">not known</span>')
    said = as_shown(in_words(end.date)) if end.date else "date not known"
    return Markup(f'<a href="{event_address(end.event)}{_times(asked)}">{said}</a>')  # noqa: S704


def elsewhere(move: MoveView, asked: Asked) -> Markup:
    """Where else somebody was at the time of a move."""
    if not move.elsewhere:
        return Markup()
    links = ", ".join(
        f'<a class="soft" href="{lab_address(one.lab.id)}{_times(asked)}">{_name(one.lab.name)}</a>'
        for one in move.elsewhere
    )
    return Markup(f'<br><span class="soft">also at </span>{links}')  # noqa: S704 (as above)


@lru_cache(maxsize=4096)
def held_as(role: str | None, relation: str | None) -> Markup:
    """A role, and the relation where it is no usual one."""
    said = f"<bdi>{as_shown(role)}</bdi>" if role else ""
    if relation is not None and relation not in _RELATIONS_UNSAID:
        said = f'{said} <span class="soft">{as_shown(relation)}</span>'
    return Markup(said)  # noqa: S704 (both are escaped)


def sure(count: Sure) -> Markup:
    """A count, in a band its least and its most."""
    if not count.possible:
        return Markup(f"{count.certain:,}")  # noqa: S704 (a number)
    most = count.certain + count.possible
    return Markup(f'<span class="band">{count.certain:,}–{most:,}</span>')  # noqa: S704 (numbers)


@lru_cache(maxsize=256)
def _times(asked: Asked) -> str:
    return str(as_shown(at_the_same_time("", asked)))


@lru_cache(maxsize=NAMES_MAX)
def _name(name: str) -> str:
    return f"<bdi>{as_shown(name)}</bdi>"
