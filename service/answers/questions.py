"""Answers to questions in words: what was understood, and what the question's own endpoint says."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct, structs

from service.answers.labs import LabAnswer, lab_on
from service.answers.names import Named
from service.answers.people import PersonAnswer, person_on
from service.answers.times import Times
from service.domain.questions import (
    EXAMPLES,
    TODAY,
    Question,
    WhereWas,
    WhoOrWhat,
    WhoWasAt,
    days_of,
    in_words,
    is_of_today,
)
from service.domain.refusals import NotUnderstood, UnknownName, shown
from service.postgres.pool import Connection

Answer: TypeAlias = LabAnswer | PersonAnswer


class QuestionView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question as it was understood."""

    kind: Literal["who", "where", "lab", "person"]
    """Who was at a lab, where someone was; or a name alone, of a lab or a person."""
    says: str
    """In words, with the names by which those who are meant are known."""
    at: date
    """The day answered for: of a month or a longer time its last day that has come."""
    when: str | None = None
    """The time asked for (EDTF), or `today`, `yesterday`; left out of a name alone."""
    lab: Named | None = None
    person: Named | None = None


class Answered(Struct, frozen=True):
    """A question as it was understood, and its answer."""

    question: QuestionView
    answer: Answer
    first: Answer | None
    """
    Of a time longer than a day the answer on its first day, where `answer` is that of its last.

    A day is what presence is certain, presumed or possible on; who came and left in between is in
    the changes of the lab and the stints of the person.
    """
    is_of_today: bool
    """Whether the same words ask for another day tomorrow."""


async def answer_to(
    connection: Connection, question: Question, times: Times, today: date
) -> Answered:
    """
    The answer, as known at the time of *times*, which is told the day that the question means.

    Raises:
        UnknownName, AmbiguousName: of a name in a question.
        NotUnderstood: a name alone that is nobody's.
    """
    when = TODAY if isinstance(question, WhoOrWhat) else question.when
    first, last = days_of(when, today)
    times.at = last
    ask = _asking(connection, question)
    answer = await ask(times)
    return Answered(
        _view(question, answer),
        answer,
        None if first == last else await ask(structs.replace(times, at=first)),
        is_of_today(when, today),
    )


def _asking(connection: Connection, question: Question) -> Callable[[Times], Awaitable[Answer]]:
    async def ask(times: Times) -> Answer:
        match question:
            case WhoWasAt(lab):
                return await lab_on(connection, lab, times)
            case WhereWas(person):
                return await person_on(connection, person, times)
            case WhoOrWhat(name):
                return await _who_or_what(connection, name, times)
            case _:
                assert_never(question)

    return ask


async def _who_or_what(connection: Connection, name: str, times: Times) -> Answer:
    """Labs first: there are few, and their names are no one's."""
    try:
        return await lab_on(connection, name, times)
    except UnknownName as refusal:
        labs = refusal.suggestions
    try:
        return await person_on(connection, name, times)
    except UnknownName as refusal:
        near = (*labs, *refusal.suggestions)
        names = f"; near names: {', '.join(shown(c.name) for c in near)}" if near else ""
        raise NotUnderstood(
            f"{shown(name)} is nobody's name and no question that is understood{names}.",
            EXAMPLES,
            near,
        ) from refusal


def _view(question: Question, answer: Answer) -> QuestionView:
    """The question with those who are meant in the place of their names."""
    if isinstance(answer, LabAnswer):
        lab = Named(answer.lab.id, answer.lab.name)
        if isinstance(question, WhoWasAt):
            says = in_words(structs.replace(question, lab=lab.name))
            return QuestionView(kind="who", says=says, at=answer.at, when=question.when, lab=lab)
        return QuestionView(kind="lab", says=lab.name, at=answer.at, lab=lab)
    person = Named(answer.person.id, answer.person.name)
    if isinstance(question, WhereWas):
        says = in_words(structs.replace(question, person=person.name))
        return QuestionView(
            kind="where", says=says, at=answer.at, when=question.when, person=person
        )
    return QuestionView(kind="person", says=person.name, at=answer.at, person=person)
