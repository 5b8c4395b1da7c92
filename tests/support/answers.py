"""Questions that tests ask of a fold, with the day as text and the answer as plain values."""

from collections.abc import Sequence

from service.domain.events import RecordedEvent
from service.domain.findings import Finding, FindingKind
from service.domain.fold import State, fold
from service.domain.presence import Presence, Standing, standing_on
from service.domain.stints import Post, Stint
from tests.support.builders import day


def roster(events: Sequence[RecordedEvent], lab: str, on: str) -> dict[str, Presence]:
    """Who was at *lab* on a day, by canonical id; a mapped lab answers as its canonical one."""
    return roster_of(fold(events), lab, on)


def roster_of(state: State, lab: str, on: str) -> dict[str, Presence]:
    found = {
        person: _standing(state, person, lab, on) for person in {s.person for s in state.stints}
    }
    return {person: s.presence for person, s in found.items() if s is not None}


def standing(events: Sequence[RecordedEvent], person: str, lab: str, on: str) -> Standing | None:
    return _standing(fold(events), person, lab, on)


def presence(events: Sequence[RecordedEvent], person: str, lab: str, on: str) -> Presence | None:
    found = standing(events, person, lab, on)
    return found.presence if found else None


def post(events: Sequence[RecordedEvent], person: str, lab: str, on: str) -> Post:
    found = standing(events, person, lab, on)
    assert found is not None, f"{person} is at {lab} on {on}"
    return found.post


def on_leave(events: Sequence[RecordedEvent], person: str, lab: str, on: str) -> bool:
    found = standing(events, person, lab, on)
    assert found is not None, f"{person} is at {lab} on {on}"
    return found.on_leave


def stints(events: Sequence[RecordedEvent], person: str, lab: str) -> list[Stint]:
    return [s for s in fold(events).stints if (s.person, s.lab) == (person, lab)]


def stint_bounds(
    events: Sequence[RecordedEvent], person: str, lab: str
) -> list[tuple[str, str, str | None, str | None]]:
    """Start lo and hi, end lo and hi of each stint."""
    return [
        (
            s.start.lo.isoformat(),
            s.start.hi.isoformat(),
            s.end.lo.isoformat() if s.end else None,
            s.end.hi.isoformat() if s.end else None,
        )
        for s in stints(events, person, lab)
    ]


def findings(events: Sequence[RecordedEvent], kind: FindingKind) -> list[Finding]:
    return [f for f in fold(events).findings if f.kind == kind]


def told(finding: Finding) -> tuple[str | None, tuple[str, ...], tuple[int, ...]]:
    """Person, labs, and positions of the events of a finding."""
    return finding.person, finding.labs, tuple(e.int for e in finding.events)


def _standing(state: State, person: str, lab: str, on: str) -> Standing | None:
    canonical = state.labs[lab].canonical_id
    own = [s for s in state.stints if (s.person, s.lab) == (person, canonical)]
    return standing_on(own, day(on))
