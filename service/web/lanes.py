"""Where one person was, a lane for each lab, and the days on which it was more than one."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from service.answers.names import Labels, Named
from service.domain.presence import STRENGTH, Presence, presence_on
from service.domain.spans import presence_spans
from service.domain.stints import Stint
from service.web.charts.scales import Window
from service.web.charts.strips import Piece, strip


class Lane(NamedTuple):
    """The stays at one lab."""

    lab: Named
    presence: Presence | None
    """On the day asked for; None of absence."""
    pieces: Sequence[Piece]


class AtOnce(NamedTuple):
    """Days at several labs."""

    labs: Sequence[str]
    """Their ids, in order."""
    presence: Presence
    """As it is at the second of them, where the presence is strongest first."""
    first: date
    after: date
    """The day after the last one; unbounded where it never ends."""


def lanes(stints: Sequence[Stint], labels: Labels, window: Window, at: date) -> list[Lane]:
    """
    One lane for each lab, by the first stay there.

    Shapes: *stints* of one person, by start.
    """
    found = []
    for lab in dict.fromkeys(stint.lab for stint in stints):
        own = [stint for stint in stints if stint.lab == lab]
        present = [p for stint in own if (p := presence_on(stint, at)) is not None]
        strongest = min(present, key=STRENGTH.__getitem__, default=None)
        found.append(Lane(labels.lab(lab), strongest, strip(own, window)))
    return found


def at_once(stints: Iterable[Stint]) -> list[AtOnce]:
    """
    The days on which someone was, or may have been, at more than one lab.

    Shapes: *stints* of one person in any order; spans in order, two that meet differ.
    """
    by_lab: dict[str, list[Stint]] = {}
    for stint in stints:
        by_lab.setdefault(stint.lab, []).append(stint)
    spans = {lab: presence_spans(own) for lab, own in by_lab.items()}
    turns = sorted({day for own in spans.values() for s in own for day in (s.first, s.after)})
    found: list[AtOnce] = []
    for first, after in pairwise(turns):
        here = {
            lab: span.presence
            for lab, own in spans.items()
            for span in own
            if span.first <= first < span.after
        }
        if len(here) < 2:
            continue
        presence = sorted(here.values(), key=STRENGTH.__getitem__)[1]
        span = AtOnce(sorted(here), presence, first, after)
        last = found[-1] if found else None
        if last is not None and (*last[:2], last.after) == (*span[:2], first):
            found[-1] = last._replace(after=after)
        else:
            found.append(span)
    return found


def overlap_pieces(spans: Iterable[AtOnce], window: Window) -> list[Piece]:
    """The days at several labs as a strip."""
    pieces = []
    for span in spans:
        x, end = window.x(span.first), window.x(span.after)
        if x < end:
            width = round(end - x, 2)
            pieces.append(Piece(span.presence, x, width, False, span.first, span.after))
    return pieces
