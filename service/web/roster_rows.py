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
from service.domain.dates import in_words
from service.domain.presence import Presence
from service.domain.stints import Dates, Endpoint, Stint
from service.web.asked import Asked
from service.web.charts.scales import Window
from service.web.charts.strips import pieces_svg, strip, strip_without_leaves
from service.web.rendering import as_shown, at_the_same_time, person_address

_RELATIONS_UNSAID = ("employee", "founder")
"""What nearly all are, or what the role says too."""
DRAWN_MAX = 8_192
"""Stays that are held as they were drawn, of some twenty labs of 450: half a kilobyte each."""


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
    rows = (
        f'<tr class="is-{line.member.presence}"><th scope="row">'
        f'<a href="{person_address(line.member.person.id)}{times}">'
        f"<bdi>{as_shown(line.member.person.name)}</bdi></a></th>"
        f"<td>{words[line.member.presence]}{_leave(line.member)}</td>"
        f'<td class="role">{_role(line.member.role, line.member.relation)}</td>'
        f'<td class="since">{_days(line.member.since, line.member.until)}</td>'
        f'<td class="stay"><svg class="strip" aria-hidden="true" width="100%" height="18">'
        f"{_drawn(line.stints, window)}{rule}</svg></td></tr>\n"
        for line in lines
    )
    return Markup("".join(rows))  # noqa: S704 (every text in it is escaped)


def _drawn(stints: Sequence[Stint], window: Window) -> Markup:
    if len(stints) == 1 and not stints[0].leaves:
        return _drawn_alone(stints[0].start, stints[0].last_evidence, stints[0].end, window)
    return pieces_svg(strip(stints, window))


@lru_cache(maxsize=DRAWN_MAX)
def _drawn_alone(start: Endpoint, seen: date, end: Endpoint | None, window: Window) -> Markup:
    """A stay without leaves, which is drawn alike on every day that has the same window."""
    return pieces_svg(strip_without_leaves([Dates(start, seen, end)], window))


def _leave(member: Member) -> str:
    return ' <span class="soft">on leave</span>' if member.on_leave else ""


@lru_cache(maxsize=4096)
def _role(role: str | None, relation: str | None) -> str:
    said = f"<bdi>{as_shown(role)}</bdi>" if role else ""
    if relation is None or relation in _RELATIONS_UNSAID:
        return said
    return f'{said} <span class="soft">{as_shown(relation)}</span>'


@lru_cache(maxsize=4096)
def _days(since: str | None, until: str | None) -> str:
    began = as_shown(in_words(since)) if since else '<span class="soft">not known</span>'
    return began if until is None else f"{began}, until {as_shown(in_words(until))}"
