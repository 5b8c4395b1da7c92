"""Questions in words: understood, answered, and where the same answer is had without words."""

from datetime import date
from typing import Any

from msgspec import Struct

from service.answers.labs import LabAnswer
from service.answers.people import PersonAnswer
from service.answers.questions import Answer, QuestionView, answer_to
from service.api.links import path_of, query_of
from service.api.operations import Call
from service.api.params import UnknownNameInQuery
from service.domain.questions import parse_question
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


async def ask(call: Call) -> LabAsked | PersonAsked:
    """The answer to the words of `q`."""
    connection, times = call.reading()
    question = parse_question(call.query["q"])
    try:
        found = await answer_to(connection, question, times, call.machinery.today())
    except UnknownName as refusal:
        raise UnknownNameInQuery("q", refusal) from refusal
    # The question says the day: beside it the state of knowledge alone fixes the answer.
    times.fixed_by = () if found.is_of_today else ("known_at",)
    times.is_pinned = times.is_past and not found.is_of_today
    first, answer = found.first, found.answer
    told: dict[str, Any] = {
        "question": found.question,
        "answer": answer,
        "href": _href(call, answer, answer.at),
        "first": first,
        "first_href": None if first is None else _href(call, first, first.at),
    }
    return LabAsked(**told) if isinstance(answer, LabAnswer) else PersonAsked(**told)


def _href(call: Call, answer: Answer, at: date) -> str:
    """The address of the answer, under the id that stays."""
    _, times = call.reading()
    path = (
        path_of("/v1/labs/{lab:str}", {"lab": answer.lab.id})
        if isinstance(answer, LabAnswer)
        else path_of("/v1/people/{person:str}", {"person": answer.person.id})
    )
    query = [("at", at.isoformat())]
    if "known_at" in call.query or call.is_negotiated:
        query.append(("known_at", str(times.known_at.position)))
    if times.published_by is not None:
        query.append(("published_by", times.published_by.isoformat()))
    return f"{path}?{query_of(query)}"
