"""What a correction changed, or would change: one shape for what is recorded and for a rehearsal."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from service.answers.corrections import Effect, StintsChanged
from service.answers.dry_runs import DryRunAnswer, StintChangeView
from service.answers.findings import FindingView
from service.answers.names import Named
from service.answers.people import EndpointView, StintView
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.presence import Presence
from service.domain.stints import Endpoint, Stint
from service.web.charts.strips import Piece, reach, strip
from service.web.wording import days_in_words

LINES_MAX = 50
"""Of each table; the JSON has all of them."""
EARLIEST = date(1950, 1, 1)
"""What nothing bounds is not drawn from further back."""


class Stays(NamedTuple):
    """The stays of one person at one lab, as they were and as they are, drawn along one time."""

    person: Named
    lab: Named
    before: Sequence[StintView]
    after: Sequence[StintView]
    drawn_before: Sequence[Piece]
    drawn_after: Sequence[Piece]
    drawn_days: str
    """From when to when."""


class RosterLine(NamedTuple):
    """Days on which a roster is another."""

    lab: Named
    days: str
    person: Named | None = None
    """None where it is told of the whole roster."""
    before: Presence | None = None
    """None is absent, where a person is told."""
    after: Presence | None = None


class HeadcountLine(NamedTuple):
    """Days on which counts move by so much."""

    lab: Named
    days: str
    certain: int
    presumed: int
    possible: int


class Shown(NamedTuple):
    """What is shown of an effect."""

    stints: Sequence[Stays]
    stints_total: int
    rosters: Sequence[RosterLine]
    rosters_total: int
    headcounts: Sequence[HeadcountLine]
    headcounts_total: int
    arising: Sequence[FindingView]
    going: Sequence[FindingView]

    @property
    def is_nothing(self) -> bool:
        """Whether nothing that can be asked is another."""
        return not (self.stints_total or self.rosters_total or self.arising or self.going)


def of_effect(effect: Effect, today: date) -> Shown:
    """What was recorded."""
    return Shown(
        stints=[_stays(one, today) for one in effect.changes[:LINES_MAX]],
        stints_total=effect.changes_total,
        rosters=[
            RosterLine(r.lab, days_in_words(r.from_, r.to)) for r in effect.rosters[:LINES_MAX]
        ],
        rosters_total=len(effect.rosters),
        headcounts=[
            HeadcountLine(h.lab, days_in_words(h.from_, h.to), h.certain, h.presumed, h.possible)
            for h in effect.headcounts[:LINES_MAX]
        ],
        headcounts_total=len(effect.headcounts),
        arising=effect.findings.arising,
        going=effect.findings.going,
    )


def of_dry_run(answer: DryRunAnswer, today: date) -> Shown:
    """What would be recorded."""
    return Shown(
        stints=[_stays(one, today) for one in answer.changes[:LINES_MAX]],
        stints_total=len(answer.changes),
        rosters=[
            RosterLine(r.lab, days_in_words(r.from_on, r.to_on), r.person, r.before, r.after)
            for r in answer.rosters[:LINES_MAX]
        ],
        rosters_total=len(answer.rosters),
        headcounts=[
            HeadcountLine(
                h.lab, days_in_words(h.from_on, h.to_on), h.certain, h.presumed, h.possible
            )
            for h in answer.headcounts[:LINES_MAX]
        ],
        headcounts_total=len(answer.headcounts),
        arising=answer.findings,
        going=answer.findings_gone,
    )


def _stays(change: StintsChanged | StintChangeView, today: date) -> Stays:
    before = [_stint(view) for view in change.before]
    after = [_stint(view) for view in change.after]
    window = reach([*before, *after], today, EARLIEST)
    return Stays(
        person=change.person,
        lab=change.lab,
        before=change.before,
        after=change.after,
        drawn_before=strip(before, window),
        drawn_after=strip(after, window),
        drawn_days=days_in_words(window.first, window.last),
    )


def _stint(view: StintView) -> Stint:
    """The stay that a view tells, as far as it is drawn."""
    return Stint(
        person="",
        lab=view.lab.id,
        start=_endpoint(view.start),
        last_evidence=view.last_evidence or UNBOUNDED_LO,
        end=None if view.end is None else _endpoint(view.end),
    )


def _endpoint(view: EndpointView) -> Endpoint:
    return Endpoint(view.lo or UNBOUNDED_LO, view.hi or UNBOUNDED_HI, view.date)
