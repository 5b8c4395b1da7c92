"""
The projection, held to the fold: event by event it comes to what folding the whole log says.

Pure; that the writer and a replay keep what it says is proven on a database.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from service.domain.events import Position, RecordedEvent, Retraction
from service.domain.labs import Labs
from service.domain.subjects import Concern, Subject, concerns_of
from service.read_models.beliefs import BELIEVED, MODELS, Belief, Beliefs, Row
from service.read_models.projector import Streams, named_labs, project_labs, project_people
from tests.support.builders import (
    closure,
    correction,
    departure,
    erased,
    hire,
    log,
    merger,
    retraction,
    same_person,
    sighting,
)
from tests.support.histories import (
    Rows,
    assert_beliefs_are_whole,
    assert_rows_are_the_fold,
    with_entities,
)
from tests.support.strategies import histories, histories_with_erasures

COLUMNS = {
    "stints": ("person_id", "lab_id", "start_lo", "end_hi"),
    "findings": ("kind", "person_id", "lab_ids"),
    "people": ("person_id", "canonical_id"),
    "labs": ("lab_id", "canonical_id", "successor_id"),
    "names": ("kind", "folded", "subject_id", "canonical_id"),
}
CORRECTED = log(
    hire("ann", at="x", on="2020"),
    correction(1, hire("ben", at="y", on="2021")),
    retraction(1),
    departure("ann", at="x", on="2022"),
)


@given(events=histories(size_max=16))
@example(events=log(hire("ann", at="x", on="2020"), closure("x", on="2019"), retraction(2)))
@example(
    events=log(
        hire("ann", at="x", on="2018"),
        hire("ann", at="y", on="2019"),
        merger("x", into="y", on="2020"),
        correction(1, hire("ann", at="z", on="2018")),
        retraction(3),
    )
)
@example(
    events=log(
        hire("ann", at="x", on="2018"),
        hire("annie", at="x", on="2018-03"),
        same_person("annie", into="ann"),
        departure("annie", at="x", on="2019"),
        retraction(3),
    )
)
def test_projection_is_the_fold_at_every_position(events: list[RecordedEvent]) -> None:
    """As a replay projects: from nothing, everything."""
    events = with_names(events)
    rows = _rows(_added(project(events, Position(0), {})))
    assert_rows_are_the_fold(rows, events)
    assert_beliefs_are_whole(rows)


@given(events=histories_with_erasures(size_max=16))
@example(events=[erased(e) if e.position == 3 else e for e in CORRECTED])
@example(events=[erased(e) if e.position == 1 else e for e in CORRECTED])
def test_projection_of_what_is_left_is_the_fold(events: list[RecordedEvent]) -> None:
    """Wherever tombstones stand, and whatever was said about what is under them."""
    rows = _rows(_added(project(with_names(events), Position(0), {})))
    assert_rows_are_the_fold(rows, with_names(events))


@given(events=histories(size_max=16), cuts=st.sets(st.integers(0, 16), max_size=4))
def test_projection_in_steps_is_the_projection_at_once(
    events: list[RecordedEvent], cuts: set[int]
) -> None:
    """As the writer projects: onto what is believed, some events at a time, however they are cut."""
    events = with_names(events)
    stops = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    ended: list[tuple[Row, Belief]] = []
    believed: dict[Row, Belief] = {}
    for after, until in pairwise(stops):
        units = project(events[:until], Position(after), believed)
        for row, closed in (pair for beliefs in units for pair in beliefs.closed()):
            known = believed.pop(row)
            ended.append((row, Belief(known.known_from, 1, known.columns, closed.known_to)))
        for row, belief in _added(units):
            if belief.known_to == BELIEVED:
                assert row not in believed
                believed[row] = belief
            else:
                ended.append((row, belief))
    at_once = _rows(_added(project(events, Position(0), {})))
    assert _rows([*ended, *believed.items()]) == at_once


def test_what_one_event_touches_is_told_and_no_more() -> None:
    """A person with stays at many labs: a new event makes rows at its own lab alone."""
    labs = [f"lab-{n}" for n in range(8)]
    told = [hire("ann", at=lab, on=f"{2000 + n}") for n, lab in enumerate(labs)]
    events = log(*told, sighting("ann", at="lab-3", on="2010-05-06"))
    beliefs = Beliefs()
    project_people(
        frozenset({"ann"}), events, after=Position(0), labs=Labs(), changes=[], beliefs=beliefs
    )
    new = [row for row, b in beliefs.added() if b.known_from == 9 and row.model == "stints"]
    assert len(new) == 1
    ended = [row for row, b in beliefs.ended if b.known_to == 9 and row.model == "stints"]
    assert len(ended) == 1


def with_names(events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
    """As the service records them: whoever is new is named by an object, others mostly by id."""
    known: set[Subject] = set()
    named = []
    for event in events:
        subjects = {concern.subject for concern in _concerns(event)}
        is_new = not subjects <= known
        known |= subjects
        payload = with_entities(event.payload) if is_new else event.payload
        named.append(structs.replace(event, payload=payload))
    return named


def project(
    events: Sequence[RecordedEvent], after: Position, believed: Mapping[Row, Belief]
) -> list[Beliefs]:
    """The beliefs about every family and component."""
    streams = Streams(events)
    named = {c.subject for e in events for c in _concerns(e)}
    units, families = [], []
    for family in streams.groups("lab", {s.id for s in named if s.kind == "lab"}):
        beliefs = Beliefs(_about("lab", family, believed))
        facts = streams.facts_of(family)
        families.append((family, project_labs(family, facts, after=after, beliefs=beliefs)))
        units.append(beliefs)
    for component in streams.groups("person", {s.id for s in named if s.kind == "person"}):
        beliefs = Beliefs(_about("person", component, believed))
        stream = streams.of_people(component)
        theirs = named_labs(stream)
        changes = [c for family, each in families if family & theirs for c in each]
        project_people(
            component, stream, after=after, labs=Labs(), changes=changes, beliefs=beliefs
        )
        units.append(beliefs)
    return units


def _concerns(event: RecordedEvent) -> list[Concern]:
    return [] if isinstance(event.payload, Retraction) else concerns_of(event.payload)


def _about(kind: str, ids: frozenset[str], believed: Mapping[Row, Belief]) -> dict[Row, Belief]:
    """What the writer reads of *believed*: all but what is followed."""
    return {
        row: Belief(belief.known_from, 1, belief.columns)
        for row, belief in believed.items()
        if _subject(row, belief) in {(kind, one) for one in ids}
        and belief.columns[0] != "possible_duplicate"
    }


def _subject(row: Row, belief: Belief) -> tuple[str, str]:
    columns = belief.columns
    match row.model:
        case "labs":
            return "lab", columns[0]
        case "names":
            return columns[0], columns[2]
        case "findings":
            return ("lab", columns[2][0]) if columns[1] is None else ("person", columns[1])
        case _:
            return "person", columns[0]


def _rows(kept: Iterable[tuple[Row, Belief]]) -> Rows:
    """As they would be read from the database."""
    rows: Rows = {model: [] for model in MODELS}
    for row, belief in kept:
        rows[row.model].append(
            dict(zip(COLUMNS[row.model], belief.columns, strict=True))
            | {
                "known_from": belief.known_from,
                "known_to": belief.known_to,
                "content": row.content,
            }
        )
    return {model: sorted(each, key=repr) for model, each in rows.items()}


def _added(units: Iterable[Beliefs]) -> list[tuple[Row, Belief]]:
    return [pair for beliefs in units for pair in beliefs.added()]
