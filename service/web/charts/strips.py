"""Stays as strips along time: solid where certain, hatched where vague, fading where presumed."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from markupsafe import Markup

from service.domain.presence import Presence
from service.domain.spans import presence_spans, spans
from service.domain.stints import Dated, Stint
from service.web.charts.scales import Window

Mark = Literal["certain", "presumed", "beginning", "ending", "possible"]
"""How a piece is drawn; what is possible before or after surer days is the beginning or the end."""
EARLIEST = date(1950, 1, 1)
"""What nothing bounds is not drawn from further back."""


class Piece(NamedTuple):
    """Part of a strip, drawn alike."""

    mark: Mark
    x: float
    """In percent of the width, as is the other."""
    width: float
    on_leave: bool
    first: date
    after: date


class Stretch(NamedTuple):
    """Days that are drawn alike, wherever that is."""

    mark: Mark
    on_leave: bool
    first: date
    after: date


class _Held(NamedTuple):
    """Days of one presence, on leave or not."""

    first: date
    after: date
    presence: Presence
    on_leave: bool


def strip(stints: Sequence[Stint], window: Window) -> list[Piece]:
    """
    The stays of one person at one lab, as far as a window shows them.

    Shapes: *stints* by start; pieces from left to right, those of one kind that meet in one.
    """
    if not any(stint.leaves for stint in stints):
        # What was held meanwhile is not drawn, and need not be found out.
        return placed(stretches_without_leaves(stints), window)
    held = [
        _Held(first, after, standing.presence, standing.on_leave)
        for first, after, standing in spans(stints)
    ]
    return placed(_stretches(held), window)


def stretches_without_leaves(stays: Iterable[Dated]) -> list[Stretch]:
    """What is drawn of stays of whose leaves nothing is known: it follows from their dates."""
    return _stretches([_Held(*span, on_leave=False) for span in presence_spans(stays)])


def placed(stretches: Iterable[Stretch], window: Window) -> list[Piece]:
    """The pieces that a window shows of some stretches, which come in order."""
    x = window.places()
    return [
        Piece(mark, begin, round(end - begin, 2), on_leave, first, after)
        for mark, on_leave, first, after in stretches
        if (begin := x(first)) != (end := x(after))
    ]


def _stretches(held: Sequence[_Held]) -> list[Stretch]:
    """Shapes: in order, without days of absence; two that meet may be alike."""
    found: list[Stretch] = []
    for number, (first, after, presence, on_leave) in enumerate(held):
        mark = presence if presence != "possible" else _mark_of_possible(held, number)
        last = found[-1] if found else None
        if last is not None and last[:2] == (mark, on_leave) and last.after == first:
            found[-1] = last._replace(after=after)
        else:
            found.append(Stretch(mark, on_leave, first, after))
    return found


def reach(stints: Iterable[Dated], today: date, unbounded: date) -> Window:
    """
    The days that show all of these stays: from the first that can be to today.

    Shapes: what nothing bounds counts as the day *unbounded* does not come before; of no stays
    the window is today alone.
    """
    known = [
        bound
        for stint in stints
        for bound in (stint.start.lo, stint.start.hi)
        if unbounded <= bound <= today
    ]
    return Window(min(known, default=today), today)


def _mark_of_possible(held: Sequence[_Held], number: int) -> Mark:
    if _is_surer(held, number, 1):
        return "beginning"
    return "ending" if _is_surer(held, number, -1) else "possible"


def _is_surer(held: Sequence[_Held], number: int, step: int) -> bool:
    """Whether what meets a possible span, on one side, comes to something surer."""
    here = held[number]
    for other in held[number + step :] if step > 0 else reversed(held[:number]):
        meets = here.after == other.first if step > 0 else other.after == here.first
        if not meets:
            return False
        if other.presence != "possible":
            return True
        here = other
    return False


def pieces_svg(pieces: Iterable[Piece]) -> Markup:
    """
    The pieces of a strip, 18 units high, as SVG.

    A roster has thousands of them, which a template would take ten times as long to write.
    """
    return Markup("".join(_SVG[_drawn_as(p)] % (p.x, p.width) for p in pieces))  # noqa: S704 (numbers alone)


_SVG = {
    "leave": '<rect class="leave" x="%g%%" y="7.5" width="%g%%" height="3"/>',
    "certain": '<rect class="certain" x="%g%%" y="3" width="%g%%" height="12"/>',
    "presumed": '<rect class="presumed" fill="url(#fade)" x="%g%%" y="3" width="%g%%" height="12"/>',
    "vague": '<rect class="vague" fill="url(#hatch)" x="%g%%" y="3" width="%g%%" height="12"/>',
}


def _drawn_as(piece: Piece) -> str:
    if piece.on_leave:
        return "leave"
    return piece.mark if piece.mark in _SVG else "vague"
