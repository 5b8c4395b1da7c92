"""Reads that compare: before and after a correction, a lab at two times, people with each other."""

from datetime import date
from typing import NoReturn

from service.answers import changes, corrections, similar_people
from service.answers.times import Times, fix_times
from service.api.operations import Call, Page
from service.api.paging import limit_of, names_in_query, place_of, refuse_cursor
from service.domain.refusals import BadParameter

_WAY_OUT = (
    "compare two days with 'from' and 'to' (and 'known_at'), or two states of knowledge with "
    "'known_from' and 'known_to' (and 'at')."
)


async def list_corrections(call: Call) -> Page:
    connection, times = call.reading()
    query = call.query
    with names_in_query(call):
        answer = await corrections.corrections(
            connection,
            times,
            type_=query.get("type"),
            person=query.get("person"),
            lab=query.get("lab"),
            recorded_by=query.get("recorded_by"),
            from_on=query.get("recorded_from"),
            to_on=query.get("recorded_to"),
            before=place_of(call),
            limit=limit_of(call),
        )
    return Page(answer, answer.next)


async def list_similar_people(call: Call) -> Page:
    """One list with the findings, in an order and with cursors of its own."""
    connection, times = call.reading()
    place = call.query.get("place", similar_people.PLACE)
    if not place.startswith(similar_people.PLACE):
        refuse_cursor()
    person, _, other = place.removeprefix(similar_people.PLACE).partition(".")
    with names_in_query(call):
        answer = await similar_people.similar_people(
            connection,
            times,
            person=call.query.get("person"),
            lab=call.query.get("lab"),
            after=(person, other),
            is_first_page="place" not in call.query,
            limit=limit_of(call),
        )
    return Page(answer, answer.next)


async def get_lab_changes(call: Call) -> changes.LabChangesAnswer:
    """Two days or two states of knowledge, never both and never half of either."""
    query = call.query
    days = [name for name in ("from", "to") if name in query]
    knowledge = [name for name in ("known_from", "known_to") if name in query]
    if days and knowledge:
        _refuse(knowledge[0], f"'{days[0]}' and '{knowledge[0]}' do not go together")
    if knowledge:
        return await _changes_of_knowledge(call, knowledge)
    return await _changes_of_days(call, days)


async def _changes_of_days(call: Call, given: list[str]) -> changes.LabChangesAnswer:
    connection, times = call.reading()
    for name in ("from", "to"):
        if name not in given:
            _refuse(name, f"'{name}' is missing")
    if "at" in call.query:
        _refuse("at", "'at' does not go with two days")
    from_on, to_on = _in_order(call.query["from"], call.query["to"])
    times.fixed_by = ("known_at",)
    # The two days are given, so that the state of knowledge alone decides whether it can change.
    known_at = call.query.get("known_at")
    times.is_pinned = isinstance(known_at, int) or times.known_at.position < times.head
    return await changes.changes_of_days(
        connection, call.path["lab"], times, from_on=from_on, to_on=to_on
    )


async def _changes_of_knowledge(call: Call, given: list[str]) -> changes.LabChangesAnswer:
    connection, times = call.reading()
    for name in ("known_from", "known_to"):
        if name not in given:
            _refuse(name, f"'{name}' is missing")
    for name in ("known_at", "published_by"):
        if name in call.query:
            _refuse(name, f"'{name}' does not go with two states of knowledge")
    earlier = await _known(call, "known_from")
    later = await _known(call, "known_to")
    if earlier.known_at.position > later.known_at.position:
        _refuse(
            "known_from",
            f"'known_from' is position {earlier.known_at.position}, which is later than "
            f"'known_to', position {later.known_at.position}",
        )
    answer = await changes.changes_of_knowledge(connection, call.path["lab"], earlier, later)
    times.fixed_by = ()
    times.is_pinned = earlier.is_pinned and later.is_pinned
    times.rests_on_head = later.rests_on_head
    return answer


async def _known(call: Call, name: str) -> Times:
    """
    The times of one side of the comparison.

    Raises:
        BadParameter: a position beyond the head.
    """
    connection, _ = call.reading()
    try:
        return await fix_times(
            connection,
            at=call.query.get("at"),
            known_at=call.query[name],
            today=call.machinery.today(),
        )
    except BadParameter as refusal:
        raise BadParameter(name, f"'{name}': {refusal.message}") from refusal


def _in_order(from_on: date, to_on: date) -> tuple[date, date]:
    if from_on > to_on:
        _refuse("from", f"'from', {from_on}, is later than 'to', {to_on}")
    return from_on, to_on


def _refuse(name: str, reason: str) -> NoReturn:
    raise BadParameter(name, f"{reason}; {_WAY_OUT}")
