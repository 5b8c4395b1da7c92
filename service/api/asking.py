"""Questions in words: understood, answered, and where the same answer is had without words."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

from service.answers.labs import LabAnswer
from service.answers.moves import MovesAnswer
from service.answers.people import PersonAnswer
from service.answers.questions import Answered, DayAnswer, QuestionView, answer_to
from service.api import cursors
from service.api.cursors import Cursor
from service.api.links import path_of, query_of
from service.api.operations import Call
from service.api.params import LIMIT_DEFAULT, UnknownNameInQuery
from service.domain.questions import parse_question, span_of
from service.domain.refusals import UnknownName


class LabAsked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that a lab is the answer to."""

    question: QuestionView
    answer: LabAnswer
    """As getLab says it on the day `at` of the question."""
    href: str
    """Where it says so."""
    first: LabAnswer | None = None
    """Of a time longer than a day the same on its first day."""
    first_href: str | None = None


class PersonAsked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that a person is the answer to."""

    question: QuestionView
    answer: PersonAnswer
    """As getPerson says it on the day `at` of the question."""
    href: str
    """Where it says so."""
    first: PersonAnswer | None = None
    """Of a time longer than a day the same on its first day."""
    first_href: str | None = None


class MovesAsked(Struct, frozen=True, kw_only=True):
    """A question that moves are the answer to."""

    question: QuestionView
    answer: MovesAnswer
    """As listMoves says it, first page."""
    href: str
    """Where it says so, and goes on."""


async def ask(call: Call) -> LabAsked | PersonAsked | MovesAsked:
    """The answer to the words of `q`."""
    connection, times = call.reading()
    today = call.machinery.today()
    try:
        found = await answer_to(
            connection,
            parse_question(call.query["q"]),
            times,
            today=today,
            limit=LIMIT_DEFAULT,
        )
    except UnknownName as refusal:
        raise UnknownNameInQuery("q", refusal) from refusal
    # The question says the day: beside it the state of knowledge alone fixes the answer.
    times.fixed_by = () if found.is_of_today else ("known_at",)
    times.is_pinned = times.is_past and not found.is_of_today
    if isinstance(found.answer, MovesAnswer):
        return _moves_asked(call, found.question, found.answer)
    return _day_asked(call, found, found.answer)


def _day_asked(call: Call, found: Answered, answer: DayAnswer) -> LabAsked | PersonAsked:
    first = found.first
    told: dict[str, Any] = {
        "question": found.question,
        "answer": answer,
        "href": _address_of(call, answer),
        "first": first,
        "first_href": None if first is None else _address_of(call, first),
    }
    return LabAsked(**told) if isinstance(answer, LabAnswer) else PersonAsked(**told)


def _moves_asked(call: Call, question: QuestionView, answer: MovesAnswer) -> MovesAsked:
    _, times = call.reading()
    assert question.from_lab is not None, "moves are from a lab"
    assert question.to_lab is not None, "moves are to a lab"
    query = [("from_lab", question.from_lab.id), ("to_lab", question.to_lab.id)]
    if question.when is not None:
        first, last = span_of(question.when, call.machinery.today())
        query += [("from", first.isoformat()), ("to", last.isoformat())]
    if answer.next is not None:
        cursor = Cursor(times.known_at.position, answer.next)
        answer = structs.replace(answer, next=cursors.to_text(cursor, call.machinery.identity))
    href = _address(call, "/v1/moves", [*query, ("at", answer.at.isoformat())])
    return MovesAsked(question=question, answer=answer, href=href)


def _address_of(call: Call, answer: DayAnswer) -> str:
    """Under the id that stays."""
    path = (
        path_of("/v1/labs/{lab:str}", {"lab": answer.lab.id})
        if isinstance(answer, LabAnswer)
        else path_of("/v1/people/{person:str}", {"person": answer.person.id})
    )
    return _address(call, path, [("at", answer.at.isoformat())])


def _address(call: Call, path: str, query: Sequence[tuple[str, str]]) -> str:
    """With the state of knowledge that was asked for, if any was."""
    _, times = call.reading()
    pairs = [*query]
    if "known_at" in call.query or call.is_negotiated:
        pairs.append(("known_at", str(times.known_at.position)))
    if times.published_by is not None:
        pairs.append(("published_by", times.published_by.isoformat()))
    return f"{path}?{query_of(pairs)}"
