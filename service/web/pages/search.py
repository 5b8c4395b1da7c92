"""What is typed into the box: a question or a name leads to its page, all else to what is near."""

from litestar import Response

from service.answers.labs import LabAnswer, labs_on
from service.answers.moves import MovesAnswer
from service.answers.people import people
from service.answers.questions import Answered, QuestionView, answer_to
from service.answers.times import Times
from service.domain.questions import EXAMPLES, WhoOrWhat, parse_question
from service.domain.refusals import AmbiguousName, Candidate, NotUnderstood, UnknownName
from service.formats.tables.labs import labs_table
from service.formats.tables.people import people_table
from service.postgres.pool import Connection
from service.web.addresses import lab_address, person_address
from service.web.asked import AT, with_pairs
from service.web.responses import redirect
from service.web.tables import ROWS_MAX, check_rows, offers, send_table, wanted_table
from service.web.visits import Visit

MOVES = "/moves"
FOUND_MAX = 20
"""Labs, and people, that are shown for a name."""
TABLES = ("labs", "people")


async def found(visit: Visit, q: str) -> Response[bytes]:
    """The page of the answer, if *q* has one; else those whose names are like it."""
    told: str | None = None
    near: tuple[Candidate, ...] = ()
    table = wanted_table(visit, TABLES)
    async with visit.reading() as (connection, times):
        if table is not None:
            return await _table(visit, connection, times, q, table)
        try:
            question = parse_question(q)
            is_name = isinstance(question, WhoOrWhat)
            answered = await answer_to(connection, question, times, today=visit.today, limit=1)
        except (NotUnderstood, UnknownName) as refusal:
            told, near = refusal.message, tuple(refusal.suggestions)
        except AmbiguousName as refusal:
            told, near = refusal.message, tuple(refusal.candidates)
        else:
            return redirect(_address(visit, answered, is_name=is_name), 302)
        # The question moved the day of those that it was asked with.
        own = visit.asked.times(visit.known_current, visit.today)
        labs = await labs_on(connection, own, q=q, after=None, limit=FOUND_MAX)
        persons = await people(connection, own, q=q, after="", limit=FOUND_MAX)
    # The API does not tell people by what was published by when.
    people_asked = [pair for pair in visit.asked.pairs if pair[0] != "published_by"]
    return visit.show(
        "found.html",
        q=q,
        labs=labs.items,
        people=persons.items,
        told=None if labs.items or persons.items else told,
        near=[
            (one.name, with_pairs("/", [("q", one.name), *visit.asked.pairs]))
            for one in near
            if one.name.casefold() != q.casefold()
        ],
        examples=EXAMPLES,
        files=offers(
            visit,
            {
                "labs": with_pairs("/v1/labs", [("q", q), *visit.asked.pairs]),
                "people": with_pairs("/v1/people", [("q", q), ("limit", "1000"), *people_asked]),
            },
        ),
    )


async def _table(
    visit: Visit, connection: Connection, times: Times, q: str, table: str
) -> Response[bytes]:
    """
    Every lab, or everybody, whose name is like *q*.

    Raises:
        BadParameter: there are more than a table may have.
    """
    way_out = "Give more of the name."
    if table == "labs":
        labs = await labs_on(connection, times, q=q, after=None, limit=ROWS_MAX)
        check_rows(len(labs.items) + (labs.next is not None), way_out)
        return await send_table(visit, labs_table(labs.items), times)
    persons = await people(connection, times, q=q, after="", limit=ROWS_MAX)
    check_rows(len(persons.items) + (persons.next is not None), way_out)
    return await send_table(visit, people_table(persons.items), times)


def _address(visit: Visit, answered: Answered, *, is_name: bool) -> str:
    """The page of an answer, on the day that the question means, else on that of the address."""
    answer, said = answered.answer, dict(visit.asked.pairs)
    if isinstance(answer, MovesAnswer):
        return with_pairs(MOVES, [*_movers(answered.question, answer), *said.items()])
    if not is_name:
        said[AT] = answer.at.isoformat()
    page = (
        lab_address(answer.lab.id)
        if isinstance(answer, LabAnswer)
        else person_address(answer.person.id)
    )
    return with_pairs(page, said.items())


def _movers(question: QuestionView, answer: MovesAnswer) -> list[tuple[str, str | None]]:
    labs = [("from_lab", question.from_lab), ("to_lab", question.to_lab)]
    days = [("from", answer.period.from_on), ("to", answer.period.to_on)]
    return [
        *((name, None if lab is None else lab.id) for name, lab in labs),
        *((name, None if day is None else day.isoformat()) for name, day in days),
    ]
