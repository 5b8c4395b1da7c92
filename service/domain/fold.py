"""
From events to state: the only door to the fold for the layers above.

The same functions serve the writer, the replay and every question that is answered straight
from the log, so that all three agree.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from service.domain.effective import Effective, effective_events
from service.domain.events import (
    Fact,
    Founding,
    PersonFact,
    Position,
    RecordedEvent,
    bounds_of,
    founder_ids,
    id_of,
    is_of_person,
    type_of,
)
from service.domain.findings import OVERLAP_DAYS_MAX, Finding, Told, duplicate, is_alike
from service.domain.identity import PersonFacts, canonical_ids, fold_people
from service.domain.labs import Labs, fold_labs
from service.domain.presence import Spans, certain_spans, overlap_days
from service.domain.stints import Stint, fold_stints


class State(Struct, frozen=True):
    """What a log means at one position."""

    position: Position
    labs: Labs
    people: dict[str, PersonFacts]
    stints: list[Stint]
    findings: list[Finding]


def fold(recorded: Sequence[RecordedEvent]) -> State:
    """
    The live fold: the state after *recorded*, straight from the events.

    Shapes: a whole log, or what a view leaves of it, in position order.
    """
    labs, lab_findings = fold_labs(recorded)
    stints, person_findings = fold_histories(recorded, labs)
    head = recorded[-1].position if recorded else Position(0)
    return State(head, labs, fold_people(recorded), stints, lab_findings + person_findings)


def fold_histories(
    recorded: Iterable[RecordedEvent], labs: Labs, people: Collection[str] | None = None
) -> tuple[list[Stint], list[Finding]]:
    """
    The stints and findings of *people*, or of all whom *recorded* names.

    Shapes: all events that name these people by any of their ids; *labs* has at least the
    labs that those name, and their successors.
    """
    every = list(recorded)
    stints, findings = fold_stays(every, labs, people)
    return stints, findings + _possible_duplicates(fold_told(every, labs, people).values())


def fold_stays(
    recorded: Iterable[RecordedEvent], labs: Labs, people: Collection[str] | None = None
) -> tuple[list[Stint], list[Finding]]:
    """
    As `fold_histories`, without the possible duplicates, of which there can be very many.

    Whoever goes through a log position by position follows those with `findings.Duplicates`.
    """
    effective = effective_events(recorded)
    canonical, findings = canonical_ids(effective, "person")
    findings = [f for f in findings if people is None or f.person in people]
    stints: list[Stint] = []
    for person, own in _by_person(effective, canonical).items():
        if people is not None and person not in people:
            continue
        ids = {person, *(one for one, into in canonical.items() if into == person)}
        own_stints, own_findings = fold_stints(person, ids, own, labs)
        stints += own_stints
        # Two stints that one merger carries past a closure are one thing noticed.
        findings += dict.fromkeys(own_findings)
        by_lab: dict[str, list[Stint]] = {}
        for stint in own_stints:
            by_lab.setdefault(stint.lab, []).append(stint)
        spans = {lab: certain_spans(there) for lab, there in by_lab.items()}
        findings += overlaps(person, by_lab, spans)
    return stints, findings


def fold_told(
    recorded: Iterable[RecordedEvent], labs: Labs, people: Collection[str] | None = None
) -> dict[Position, Told]:
    """
    What each event of one person says in which another can be like it, by its position.

    Shapes: as of `fold_histories`. Foundings are left out: they name several people.
    """
    effective = effective_events(recorded)
    canonical, _ = canonical_ids(effective, "person")
    return {
        event.position: told_of(event, event.payload, canonical, labs)
        for person, own in _by_person(effective, canonical).items()
        if people is None or person in people
        for event in own
        if is_of_person(event.payload)
    }


def told_of(
    event: Effective, payload: PersonFact, canonical: Mapping[str, str], labs: Labs
) -> Told:
    """What an event says in which another can be like it."""
    person = id_of(payload.person)
    return Told(
        canonical.get(person, person),
        type_of(payload),
        labs[id_of(payload.lab)].canonical_id,
        *bounds_of(payload),
        event.position,
        event.event_id,
    )


def _by_person(
    effective: Iterable[Effective], canonical: Mapping[str, str]
) -> dict[str, list[Effective]]:
    """The events that place each person somewhere, by canonical id."""
    named: dict[str, list[Effective]] = {}
    for event in effective:
        for person in people_of(event.payload, canonical):
            named.setdefault(person, []).append(event)
    return named


def people_of(payload: Fact, canonical: Mapping[str, str]) -> Iterable[str]:
    """Canonical ids of those whom a payload places somewhere, each once."""
    if is_of_person(payload):
        person = id_of(payload.person)
        return (canonical.get(person, person),)
    if isinstance(payload, Founding):
        return dict.fromkeys(canonical.get(p, p) for p in founder_ids(payload))
    return ()


def _possible_duplicates(told: Iterable[Told]) -> list[Finding]:
    """Two events of one type, person and lab whose bounds hardly differ."""
    alike: dict[tuple[str, str, str], list[Told]] = {}
    for said in told:
        alike.setdefault(said.alike, []).append(said)
    return [
        duplicate(one, other)
        for group in alike.values()
        for one, other in combinations(group, 2)
        if is_alike(one, other)
    ]


def overlaps(
    person: str, by_lab: Mapping[str, Sequence[Stint]], spans: Mapping[str, Spans]
) -> list[Finding]:
    """
    Pairs of labs at which the person certainly was at once for long.

    Shapes: the stints at each lab, by start, and their certain days.
    """
    findings = []
    for one, other in combinations(sorted(by_lab), 2):
        days = overlap_days(spans[one], spans[other])
        if days > OVERLAP_DAYS_MAX:
            events = [e for s in (*by_lab[one], *by_lab[other]) for e in s.events]
            findings.append(
                Finding("overlap", person, (one, other), tuple(dict.fromkeys(events)), days)
            )
    return findings
