"""
The rows of a roster.

A lab has hundreds of people, or thousands: a template would take several times as long to write
them, and most of what they say is said in many rows.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from markupsafe import Markup

from service.answers.labs import Member
from service.answers.names import Named
from service.domain.dates import in_words
from service.domain.presence import Presence
from service.domain.stints import Dates, Endpoint, Stint
from service.web.addresses import at_the_same_time, person_address
from service.web.asked import Asked
from service.web.cells import held_as
from service.web.charts.scales import Window
from service.web.charts.strips import Stretch, pieces_svg, placed, stretches_without_leaves, strip
from service.web.escaping import as_shown

DRAWN_MAX = 8_192
"""Stays that are held as they were drawn, of some twenty labs of 450: half a kilobyte each."""
SAID_MAX = 8_192
"""Rows that are held beside, as they are said: half a kilobyte each, too."""


class Line(NamedTuple):
    """One person of the roster."""

    member: Member
    stints: Sequence[Stint]

    @property
    def first(self) -> date:
        """The last day by which the stay had begun."""
        return self.stints[0].start.hi


def roster_rows(
    lines: Sequence[Line],
    window: Window,
    asked: Asked,
    words: Mapping[Presence, Markup],
    rule: Markup,
) -> Markup:
    """
    The rows as HTML, in the order of *lines*; links keep the times that were *asked* for.

    Shapes: stays are drawn along *window*; *words* by presence its mark with its word, *rule* the
    day on a strip, as SVG.
    """
    times = as_shown(at_the_same_time("", asked))
    rows = []
    for member, stints in lines:
        before, after = _said(
            member.person,
            words[member.presence],
            member.presence,
            member.on_leave,
            member.role,
            member.relation,
            member.since,
            member.until,
        )
        rows.append(f"{before}{times}{after}{_drawn(stints, window)}{rule}</svg></td></tr>\n")
    return Markup("".join(rows))  # noqa: S704 (every text in it is escaped)


@lru_cache(maxsize=SAID_MAX)
def _said(
    person: Named,
    word: Markup,
    presence: Presence,
    on_leave: bool,
    role: str | None,
    relation: str | None,
    since: str | None,
    until: str | None,
) -> tuple[str, str]:
    """A row up to the times that its link keeps, and from there to the drawing."""
    before = f'<tr class="is-{presence}"><th scope="row"><a href="{person_address(person.id)}'
    after = (
        f'"><bdi>{as_shown(person.name)}</bdi></a></th>'
        f"<td>{word}{_leave(on_leave)}</td>"
        f'<td class="role">{held_as(role, relation)}</td>'
        f'<td class="since">{_days(since, until)}</td>'
        f'<td class="stay"><svg class="strip" aria-hidden="true" width="100%" height="18">'
    )
    return before, after


def _drawn(stints: Sequence[Stint], window: Window) -> Markup:
    if len(stints) == 1 and not stints[0].leaves:
        return _drawn_alone(stints[0].start, stints[0].last_evidence, stints[0].end, window)
    return pieces_svg(strip(stints, window))


@lru_cache(maxsize=DRAWN_MAX)
def _drawn_alone(start: Endpoint, seen: date, end: Endpoint | None, window: Window) -> Markup:
    """A stay without leaves, which is drawn alike on every day that has the same window."""
    return pieces_svg(placed(_stretches(start, seen, end), window))


@lru_cache(maxsize=DRAWN_MAX)
def _stretches(start: Endpoint, seen: date, end: Endpoint | None) -> Sequence[Stretch]:
    return stretches_without_leaves([Dates(start, seen, end)])


def _leave(on_leave: bool) -> str:
    return ' <span class="soft">on leave</span>' if on_leave else ""


@lru_cache(maxsize=4096)
def _days(since: str | None, until: str | None) -> str:
    began = as_shown(in_words(since)) if since else '<span class="soft">not known</span>'
    return began if until is None else f"{began}, until {as_shown(in_words(until))}"
