"""Whom and what an event concerns: the people and labs from which it is found again."""

from collections.abc import Iterable
from typing import NamedTuple

from service.domain.events import (
    Entity,
    Fact,
    Kind,
    Payload,
    PersonFact,
    SameAs,
    fact_of,
    id_of,
    is_of_person,
    references,
)


class Subject(NamedTuple):
    """One person or lab by the id that was meant."""

    kind: Kind
    id: str


class Concern(NamedTuple):
    """How an event concerns a subject."""

    subject: Subject
    is_fact: bool
    """Whether the state of this lab follows from the event; False of people."""
    is_link: bool
    """Whether the event joins this subject's history with that of another."""


def concerns_of(payload: Payload, replaced: Iterable[Fact] = ()) -> list[Concern]:
    """
    The subjects of an event.

    Shapes: of a correction or retraction *replaced* are the original payload and the one that
    held until now, whose subjects it concerns as well.
    """
    if is_of_person(payload):
        return _concerns_of_person_event(payload)
    facts: list[Fact] = list(replaced)
    said = fact_of(payload)
    if said is not None:
        facts.append(said)
    concerns: dict[Subject, Concern] = {}
    for fact in facts:
        for concern in _concerns_of_fact(fact):
            known = concerns.get(concern.subject, concern)
            concerns[concern.subject] = Concern(
                concern.subject,
                known.is_fact or concern.is_fact,
                known.is_link or concern.is_link,
            )
    return list(concerns.values())


def _concerns_of_person_event(payload: PersonFact) -> list[Concern]:
    """As of any fact; most events are of this kind."""
    return [
        Concern(Subject("person", id_of(payload.person)), is_fact=False, is_link=False),
        Concern(
            Subject("lab", id_of(payload.lab)),
            is_fact=not isinstance(payload.lab, str),
            is_link=False,
        ),
    ]


def _concerns_of_fact(fact: Fact) -> Iterable[Concern]:
    for reference in references(fact):
        if reference.free_text and isinstance(reference.ref, str):
            continue
        says_names = isinstance(reference.ref, Entity)
        yield Concern(
            Subject(reference.kind, id_of(reference.ref)),
            is_fact=reference.kind == "lab" and (fact.is_lab_fact or says_names),
            is_link=fact.is_link
            and not reference.free_text
            and (reference.kind == "lab" or isinstance(fact, SameAs)),
        )
