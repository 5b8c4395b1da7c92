"""What an erasure takes away, and what is said again first."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given

from service.domain.effective import in_force
from service.domain.erasure import (
    REASON,
    Erasing,
    NotErasable,
    completed,
    names_of,
    of_event,
    of_events,
    of_person,
    others_named,
)
from service.domain.events import (
    Correction,
    Erased,
    Erasure,
    Founder,
    Payload,
    Position,
    RecordedEvent,
    Ref,
    Retraction,
    SameAs,
    fact_of,
    id_of,
    named_in,
    references,
    to_canonical_json,
    with_references,
)
from service.domain.fold import State, fold
from service.domain.refusals import AlreadyErased, Invalid
from service.domain.subjects import Subject
from tests.support import builders as b
from tests.support import strategies

X = b.entity("x", "Lab X", "The X")
ADA = b.entity("ada", "Ada Lovelace")
BOB = b.entity("bob", "Bob Kahn")


def erase_person(*people: str, events: Sequence[RecordedEvent]) -> Erasing:
    draft = of_person(people, [c for c in chains(events) if names(c, people)])
    return completed(draft, events)


def chains(events: Sequence[RecordedEvent]) -> list[list[RecordedEvent]]:
    found: dict[int, list[RecordedEvent]] = {}
    for event in events:
        found.setdefault(event.root, []).append(event)
    return list(found.values())


def names(chain: Sequence[RecordedEvent], people: Sequence[str]) -> bool:
    return any(id_of(ref) in people for e in chain for ref in named_in(e.payload, "person"))


def afterwards(events: Sequence[RecordedEvent], erasing: Erasing) -> list[RecordedEvent]:
    """The log as it reads then, without those whose payloads went."""
    gone = {event.event_id for event in erasing.erased}
    roots = {event.event_id: event.root for event in events}
    said = [
        RecordedEvent(
            position=Position(len(events) + number),
            event_id=b.event_id(len(events) + number),
            payload=payload,
            target_position=roots[payload.target]
            if isinstance(payload, Correction | Retraction)
            else None,
        )
        for number, payload in enumerate(erasing.restated, 1)
    ]
    return [event for event in events if event.event_id not in gone] + said


def positions(erasing: Erasing) -> list[int]:
    return [event.position for event in erasing.erased]


def test_what_names_only_them_goes() -> None:
    events = b.log(
        b.lab_profile(X),
        b.hire(ADA, at="x", on="2020"),
        b.hire(BOB, at="x", on="2020"),
        b.departure("ada", at="x", on="2021"),
        b.person_profile("ada", aliases=("Countess",)),
    )
    erasing = erase_person("ada", events=events)
    assert positions(erasing) == [2, 4, 5]
    assert erasing.restated == ()
    assert erasing.gone == {"ada"}


def test_a_founding_is_said_again_without_them() -> None:
    founders = (ADA, Founder(person=BOB, role="CEO"))
    events = b.log(
        b.founding(X, on="2019-03", by=founders, note="Ada Lovelace and Bob Kahn", location="Bath")
    )
    erasing = erase_person("ada", events=events)
    without = b.founding(X, on="2019-03", by=founders[1:], location="Bath")
    assert erasing.restated == (b.correction(1, without, reason=REASON),)
    state = fold(afterwards(events, erasing))
    assert state.labs["x"].founding == fold(events).labs["x"].founding
    assert state.labs["x"].founders == ("bob",)


def test_a_founding_by_them_alone_keeps_its_date() -> None:
    events = b.log(b.founding(X, on="2019-03", by=(ADA,)))
    erasing = erase_person("ada", events=events)
    assert erasing.restated == (b.correction(1, b.founding(X, on="2019-03"), reason=REASON),)


def test_a_lab_keeps_the_names_that_only_the_erased_said() -> None:
    events = b.log(
        b.hire(ADA, at=X, on="2020"),
        b.hire(BOB, at="x", on="2020"),
        b.departure("ada", at=b.entity("x", None, "X Corp"), on="2021"),
    )
    erasing = erase_person("ada", events=events)
    assert erasing.restated == (b.lab_profile(b.entity("x", "Lab X", "The X", "X Corp")),)
    after = fold(afterwards(events, erasing)).labs["x"]
    assert (after.name, set(after.aliases)) == ("Lab X", {"The X", "X Corp"})


def test_a_name_that_is_still_said_is_not_said_again() -> None:
    events = b.log(
        b.lab_profile(X),
        b.hire(ADA, at=b.entity("x", None, "X Corp"), on="2020"),
        b.hire(BOB, at=b.entity("x", None, "X Corp"), on="2020"),
    )
    assert erase_person("ada", events=events).restated == ()


def test_a_lab_keeps_the_name_by_which_it_is_known() -> None:
    events = b.log(
        b.hire(ADA, at=X, on="2020"),
        b.hire(BOB, at=b.entity("x", "Wrong"), on="2020"),
        b.retraction(2),
        b.hire("bob", at="x", on="2020"),
    )
    erasing = erase_person("ada", events=events)
    assert erasing.restated == (b.lab_profile(X, name="Lab X"),)
    assert fold(afterwards(events, erasing)).labs["x"].name == "Lab X"


def test_somebody_told_apart_from_them_keeps_their_name() -> None:
    events = b.log(b.person_profile(ADA), b.different_people("ada", BOB))
    erasing = erase_person("ada", events=events)
    assert positions(erasing) == [1, 2]
    assert erasing.restated == (b.person_profile(b.entity("bob", "Bob Kahn")),)
    assert erasing.gone == {"ada"}


def test_all_ids_that_were_ever_joined_are_one_person() -> None:
    events = b.log(
        b.person_profile(ADA),
        b.same_person(b.entity("a-king", "Augusta King"), into="ada"),
        b.retraction(2),
        b.person_profile("a-king", name="Ada King"),
    )
    erasing = erase_person("ada", "a-king", events=events)
    assert positions(erasing) == [1, 2, 3, 4]
    assert erasing.gone == {"ada", "a-king"}


def test_every_revision_that_names_them_goes_and_the_one_of_another_stays() -> None:
    events = b.log(
        b.person_profile(BOB),
        b.hire(ADA, at=X, on="2020"),
        b.correction(2, b.hire("bob", at="x", on="2020"), reason="another"),
    )
    erasing = erase_person("ada", events=events)
    assert positions(erasing) == [2]
    assert fold(afterwards(events, erasing)).stints == fold(events).stints


def test_nothing_older_comes_back() -> None:
    events = b.log(
        b.person_profile(BOB),
        b.hire("bob", at=X, on="2020"),
        b.correction(2, b.hire(ADA, at="x", on="2020")),
    )
    erasing = erase_person("ada", events=events)
    assert positions(erasing) == [3]
    assert erasing.restated == (b.retraction(2, reason=REASON),)
    assert fold(afterwards(events, erasing)).stints == []


def test_a_reason_that_tells_of_them_goes_and_what_it_corrected_stands() -> None:
    hired = b.hire("bob", at="x", on="2020", note="with Ada Lovelace", role="chemist")
    events = b.log(
        b.person_profile(BOB),
        b.hire(ADA, at=X, on="2020"),
        b.correction(2, hired, reason="It was not Ada Lovelace."),
    )
    erasing = erase_person("ada", events=events)
    assert positions(erasing) == [2, 3]
    assert erasing.restated[0] == b.correction(
        2, b.hire("bob", at="x", on="2020", role="chemist"), reason=REASON
    )


def test_why_they_were_retracted_goes_with_them() -> None:
    events = b.log(b.hire(ADA, at=X, on="2020"), b.retraction(1, reason="On sick leave."))
    erasing = erase_person("ada", events=events)
    assert positions(erasing) == [1, 2]
    # What was void before: a name is for ever, since others may mean the id.
    assert erasing.restated == (b.lab_profile(X),)


def test_their_names_are_all_that_were_ever_said() -> None:
    events = b.log(
        b.person_profile(ADA, name="Countess", aliases=("A. L.",)),
        b.correction(1, b.person_profile(b.entity("ada", "Augusta"))),
        b.hire(BOB, at=X, on="2020"),
    )
    assert names_of({"ada"}, events) == ["ada", "Ada Lovelace", "Countess", "A. L.", "Augusta"]


def test_one_event_goes_with_all_that_it_says() -> None:
    events = b.log(
        b.person_profile(ADA), b.lab_profile(X), b.hire("ada", at="x", on="2020", note="private")
    )
    erasing = completed(of_event(b.event_id(3), events[2:], None), events)
    assert positions(erasing) == [3]
    assert erasing.restated == ()
    assert erasing.gone == frozenset()


def test_one_event_is_said_again_without_what_must_go() -> None:
    events = b.log(b.person_profile(ADA), b.hire("ada", at=X, on="2020", note="private"))
    instead = b.hire("ada", at="x", on="2020")
    erasing = completed(of_event(b.event_id(2), events[1:], instead), events)
    assert erasing.restated == (
        b.correction(2, instead, reason=REASON),
        # What it named first is not left without a name.
        b.lab_profile(b.entity("x", "Lab X")),
    )


@pytest.mark.parametrize("instead", [None, b.hire("ada", at="x", on="2022")])
def test_what_an_erased_correction_corrected_does_not_come_back(instead: Payload | None) -> None:
    events = b.log(
        b.lab_profile(X),
        b.person_profile(ADA),
        b.hire("ada", at="x", on="2020"),
        b.correction(3, b.hire("ada", at="x", on="2021", note="private")),
    )
    erasing = completed(of_event(b.event_id(4), events[2:], instead), events)  # type: ignore[arg-type]
    left = in_force(c for c in afterwards(events, erasing) if c.root == 3)
    assert [effective.payload for effective in left] == ([instead] if instead else [])


def test_an_erased_retraction_brings_nothing_back() -> None:
    events = b.log(b.hire(ADA, at=X, on="2020"), b.retraction(1, reason="private"))
    erasing = completed(of_event(b.event_id(2), events, None), events)
    assert erasing.restated == (b.retraction(1, reason=REASON),)
    assert fold(afterwards(events, erasing)).stints == []


def test_an_original_that_was_corrected_goes_alone() -> None:
    hired = b.hire("ada", at="x", on="2020")
    events = b.log(b.lab_profile(X), b.hire(ADA, at="x", on="2020"), b.correction(2, hired))
    erasing = completed(of_event(b.event_id(2), events[1:], None), events)
    assert fold(afterwards(events, erasing)).stints == fold(events).stints
    with pytest.raises(Invalid, match="leave 'event' out"):
        of_event(b.event_id(2), events[1:], hired)


def test_who_is_named_nowhere_else_is_gone_with_the_event() -> None:
    events = b.log(b.lab_profile(X), b.hire(ADA, at="x", on="2020"))
    erasing = completed(of_event(b.event_id(2), events[1:], None), events)
    assert erasing.restated == ()
    assert erasing.gone == {"ada"}


def test_an_erasure_of_elsewhere_says_again_what_was_said_there() -> None:
    events = b.log(b.founding(X, on="2019", by=(ADA, BOB)), b.sighting("ada", at="x", on="2020"))
    there = erase_person("ada", events=events)
    ids = [event.event_id for event in there.erased]
    here = events[:1]
    later = b.correction(2, b.sighting("bob", at="x", on="2020"), reason=REASON)
    erasing = completed(of_events(ids, chains(here), (*there.restated, later)), here)
    assert (positions(erasing), erasing.restated) == ([1], there.restated)
    assert erasing.gone == {"ada"}


def test_an_erasure_of_elsewhere_says_no_name_that_was_not_said_there() -> None:
    # The name of somebody who is erased next, and told by a slug in between.
    events = b.log(b.hire(ADA, at=X, on="2019"), b.departure("ada", at="x", on="2020"))
    erasing = completed(of_events([b.event_id(1)], chains(events)), events)
    assert erasing.restated == ()


def test_a_lab_event_that_goes_is_taken_back_for_all_who_rest_on_it() -> None:
    events = b.log(b.merger("y", into="x", on="2020"), b.closure("x", on="2021"))
    for draft in (
        of_event(b.event_id(1), events[:1], None),
        of_events([b.event_id(1)], chains(events)),
    ):
        assert draft.restated == (b.retraction(1, reason=REASON),)


def test_what_is_gone_and_what_took_it_are_not_erased() -> None:
    erasure = Erasure(events=(b.event_id(1),), reason="asked for")
    gone = b.log(Erased(), erasure)
    with pytest.raises(AlreadyErased):
        of_event(b.event_id(1), gone[:1], None)
    with pytest.raises(NotErasable):
        of_event(b.event_id(2), gone[1:], None)
    assert of_events([b.event_id(1), b.event_id(2)], chains(gone)).erased == frozenset()
    later = b.log(Erased(), b.correction(1, b.hire(ADA, at=X, on="2020")))
    assert positions(erase_person("ada", events=later)) == [2]


def test_others_are_those_who_stay() -> None:
    events = b.log(b.founding(X, on="2019", by=(ADA, BOB)))
    draft = of_person({"ada"}, chains(events))
    assert others_named(draft, events) == {Subject("person", "bob"), Subject("lab", "x")}


PEOPLE = {one: f"Name Of {one.upper()}" for one in strategies.PEOPLE}
LABS = {one: f"Lab {one.upper()}" for one in strategies.LABS}


def named(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """
    *events* as a service records them: who is new is said with a name, now and then others are.

    Each has a note that mentions whom it names.
    """
    seen: set[Subject] = set()
    told = []
    for event in events:
        refs: list[Ref] = []
        payload = event.payload
        for reference in references(payload):
            one = id_of(reference.ref)
            name = (PEOPLE if reference.kind == "person" else LABS).get(one)
            subject = Subject(reference.kind, one)
            is_new = subject not in seen and not reference.free_text
            if name is None or not (is_new or event.position % 3 == 0):
                refs.append(one)
                continue
            seen.add(subject)
            aliases = [f"{name} {event.position}"] if event.position % 3 == 0 else []
            name = name if is_new or event.position % 4 else f"{name} Again"
            refs.append(b.entity(one, name if is_new or event.position % 2 else None, *aliases))
        payload = with_references(payload, refs)
        told.append(msgspec.structs.replace(event, payload=_noted(payload)))
    return told


def _noted(payload: Payload) -> Payload:
    people = [PEOPLE[id_of(ref)] for ref in named_in(payload, "person")]
    if not people:
        return payload
    if isinstance(payload, Correction):
        noted = msgspec.structs.replace(payload.event, note=f"So {people[0]} says.")
        return msgspec.structs.replace(payload, event=noted)
    return msgspec.structs.replace(payload, note=f"{', '.join(people)} said so.")


def joined(events: Sequence[RecordedEvent], one: str) -> list[str]:
    """Every id that a same_as ever joined with one."""
    found = {one}
    for _ in PEOPLE:
        for event in events:
            fact = fact_of(event.payload)
            if isinstance(fact, SameAs) and fact.person is not None:
                ids = {id_of(fact.person), id_of(fact.into)}
                found |= ids if ids & found else set()
    return sorted(found)


@given(strategies.histories(size_max=14).map(named), strategies.people)
def test_whatever_was_recorded_nothing_of_them_is_left_and_nothing_of_others_lost(
    events: list[RecordedEvent], one: str
) -> None:
    """No id and no name in any payload; everybody else's stays, and labs but for founders."""
    people = joined(events, one)
    erasing = erase_person(*people, events=events)
    after = afterwards(events, erasing)
    said = b"\n".join(to_canonical_json(event.payload) for event in after)
    for id_ in people:
        assert f'"{id_}"'.encode() not in said
        assert PEOPLE[id_].encode() not in said
    was, is_ = fold(events), fold(after)
    assert [s for s in is_.stints if s.person in people] == []
    others = [s for s in was.stints if s.person not in people]
    assert sorted(is_.stints, key=repr) == sorted(others, key=repr)
    assert_facts_are_kept(was, is_, people)
    assert set(is_.findings) == {f for f in was.findings if f.person not in people}
    # At every position the log can be folded, whatever of it is left.
    for until in range(len(after)):
        fold(after[:until])


def assert_facts_are_kept(was: State, is_: State, people: Sequence[str]) -> None:
    """Labs and others are known as before, and by every name; founders are fewer."""
    replace = msgspec.structs.replace
    assert is_.labs.keys() == was.labs.keys()
    assert is_.people.keys() == was.people.keys() - set(people)
    for lab in was.labs.values():
        now = is_.labs[lab.id]
        bare = replace(lab, founders=now.founders, names=now.names, aliases=now.aliases)
        assert now == bare
        assert set(now.founders) == set(lab.founders) - set(people)
        # One that was said of it and taken back can be among them, too.
        assert set(now.names) >= set(lab.names)
        assert set(now.aliases) >= set(lab.aliases)
    for one in is_.people.values():
        before = was.people[one.id]
        assert one.name == before.name
        assert set(one.names) >= set(before.names)
        assert set(one.aliases) >= set(before.aliases)
        assert set(one.different_from) == set(before.different_from) - set(people)
