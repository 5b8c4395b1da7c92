"""Answers to questions in words: what was understood, and what the question's own endpoint says."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct, structs

from service.answers.labs import LabAnswer, lab_on
from service.answers.moves import Asked, MovesAnswer, moves_between
from service.answers.names import Named, fetch_labels
from service.answers.people import PersonAnswer, person_on
from service.answers.times import Times
from service.domain.questions import (
    EXAMPLES,
    TODAY,
    MovesBetween,
    Question,
    WhereWas,
    WhoOrWhat,
    WhoWasAt,
    days_of,
    in_words,
    is_of_today,
    span_of,
)
from service.domain.refusals import NotUnderstood, UnknownName, shown
from service.postgres.pool import Connection

DayAnswer: TypeAlias = LabAnswer | PersonAnswer
"""What is so on a day."""


class QuestionView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question as it was understood."""

    kind: Literal["who", "where", "moves", "lab", "person"]
    """
    Who was at a lab, where someone was, who moved from lab to lab; or a name alone, of a lab or a
    person.
    """
    says: str
    """In words, with the names by which those who are meant are known."""
    at: date
    """The day answered for: of a month or a longer time its last day that has come."""
    when: str | None = None
    """The time asked for (EDTF), or `today`, `yesterday`; left out where none was."""
    lab: Named | None = None
    person: Named | None = None
    from_lab: Named | None = None
    to_lab: Named | None = None


class Answered(Struct, frozen=True):
    """A question as it was understood, and its answer."""

    question: QuestionView
    answer: DayAnswer | MovesAnswer
    first: DayAnswer | None
    """
    Of a time longer than a day the answer on its first day, where `answer` is that of its last.

    A day is what presence is certain, presumed or possible on; who came and left in between is in
    the changes of the lab and the stints of the person.
    """
    is_of_today: bool
    """Whether the same words ask for another day tomorrow."""


async def answer_to(
    connection: Connection, question: Question, times: Times, *, today: date, limit: int
) -> Answered:
    """
    The answer, as known at the time of *times*, which is told the day that the question means.

    Shapes: of moves the first *limit*.

    Raises:
        UnknownName, AmbiguousName: of a name in a question.
        NotUnderstood: a name alone that is nobody's.
    """
    when = TODAY if isinstance(question, WhoOrWhat) or question.when is None else question.when
    first, last = days_of(when, today)
    times.at = last
    if isinstance(question, MovesBetween):
        answer = await _moved(connection, question, times, today, limit)
        view = await _moves_view(connection, question, times)
        return Answered(view, answer, None, is_of_today(when, today))
    return await _on_days(connection, question, times, first, is_of_today=is_of_today(when, today))


async def _on_days(
    connection: Connection,
    question: WhoWasAt | WhereWas | WhoOrWhat,
    times: Times,
    first: date,
    *,
    is_of_today: bool,
) -> Answered:
    ask = _asking(connection, question)
    answer = await ask(times)
    return Answered(
        _view(question, answer),
        answer,
        None if first == times.at else await ask(structs.replace(times, at=first)),
        is_of_today,
    )


def _asking(
    connection: Connection, question: WhoWasAt | WhereWas | WhoOrWhat
) -> Callable[[Times], Awaitable[DayAnswer]]:
    async def ask(times: Times) -> DayAnswer:
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


async def _moved(
    connection: Connection, question: MovesBetween, times: Times, today: date, limit: int
) -> MovesAnswer:
    """Of the whole time: a move that is announced counts as one."""
    asked = Asked(from_lab=question.from_lab, to_lab=question.to_lab)
    if question.when is not None:
        first, last = span_of(question.when, today)
        asked = structs.replace(asked, from_on=first, to_on=last)
    return await moves_between(connection, times, asked, after=None, limit=limit)


async def _who_or_what(connection: Connection, name: str, times: Times) -> DayAnswer:
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


async def _moves_view(connection: Connection, question: MovesBetween, times: Times) -> QuestionView:
    from_lab, to_lab = (
        times.resolved["lab", name] for name in (question.from_lab, question.to_lab)
    )
    known = times.head if times.rests_on_head else times.known_at.position
    labels = await fetch_labels(connection, labs=[from_lab, to_lab], at=times.at, position=known)
    left, joined = labels.lab(from_lab), labels.lab(to_lab)
    return QuestionView(
        kind="moves",
        says=in_words(structs.replace(question, from_lab=left.name, to_lab=joined.name)),
        at=times.at,
        when=question.when,
        from_lab=left,
        to_lab=joined,
    )


def _view(question: Question, answer: DayAnswer) -> QuestionView:
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
