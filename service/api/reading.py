"""Reads: each handler asks one answer for the call's times."""

from uuid import UUID

from service.answers import corrections, events, findings, labs, log, people
from service.answers.knowledge import lab_knowledge
from service.answers.why import WhyAnswer, why_present
from service.api import memento
from service.api.comparing import list_similar_people
from service.api.links import path_of
from service.api.operations import Call, Page
from service.api.paging import limit_of, names_in_query, number_of, place_of
from service.api.params import POSSIBLE_SAME_PERSON
from service.domain.refusals import UnknownEvent
from service.domain.submissions import uuid_or_none


async def list_labs(call: Call) -> Page:
    connection, times = call.reading()
    answer = await labs.labs_on(
        connection,
        times,
        q=call.query.get("q"),
        after=call.query.get("place"),
        limit=limit_of(call),
    )
    return Page(answer, answer.next)


async def get_lab(call: Call) -> labs.LabAnswer:
    connection, times = call.reading()
    return await labs.lab_on(
        connection,
        call.path["lab"],
        times,
        presence=call.query.get("presence"),
        relation=call.query.get("relation"),
    )


async def remembered_lab(call: Call) -> bytes | None:
    """As `get_lab` answers, where the lab is in memory or can be."""
    assert call.times is not None, "reads have their times"
    return await call.machinery.memory.lab(
        call.path["lab"],
        call.times,
        presence=call.query.get("presence"),
        relation=call.query.get("relation"),
    )


async def get_lab_timeline(call: Call) -> Page:
    connection, times = call.reading()
    answer = await events.timeline(
        connection, call.path["lab"], times, before=place_of(call), limit=limit_of(call)
    )
    return Page(answer, answer.next)


async def get_timemap(call: Call) -> Page:
    connection, times = call.reading()
    known = await lab_knowledge(
        connection, call.path["lab"], times, after=place_of(call) or 0, limit=limit_of(call)
    )
    path = path_of("/v1/labs/{lab:str}", {"lab": known.lab.id})
    day = [("at", times.at.isoformat())]
    answer = memento.TimeMap(
        lab=known.lab,
        at=times.at,
        known_at=times.known_at,
        original=memento.original(path, day),
        items=[
            memento.MementoView(
                one.position,
                one.recorded_at,
                memento.pinned(path, (), times.at, one.position),
            )
            for one in known.items
        ],
        next=known.next,
    )
    return Page(answer, known.next, memento.to_link_format)


async def get_why(call: Call) -> WhyAnswer:
    connection, times = call.reading()
    return await why_present(connection, call.path["lab"], call.path["person"], times)


async def list_people(call: Call) -> Page:
    connection, times = call.reading()
    answer = await people.people(
        connection,
        times,
        q=call.query.get("q"),
        after=call.query.get("place", ""),
        limit=limit_of(call),
    )
    return Page(answer, answer.next)


async def get_person(call: Call) -> people.PersonAnswer:
    connection, times = call.reading()
    return await people.person_on(connection, call.path["person"], times)


async def list_events(call: Call) -> Page:
    connection, times = call.reading()
    with names_in_query(call):
        answer = await events.events(
            connection,
            times,
            type_=call.query.get("type"),
            person=call.query.get("person"),
            lab=call.query.get("lab"),
            from_on=call.query.get("from"),
            to_on=call.query.get("to"),
            after=max(call.query.get("after", 0), place_of(call) or 0),
            limit=limit_of(call),
        )
    return Page(answer, answer.next)


async def get_event(call: Call) -> events.EventView:
    connection, times = call.reading()
    return await corrections.event_with_effects(connection, event_id(call), times)


async def list_findings(call: Call) -> Page:
    if call.query.get("kind") == POSSIBLE_SAME_PERSON:
        return await list_similar_people(call)
    connection, times = call.reading()
    before = (2**63 - 1, "")
    if "place" in call.query:
        known_from, _, mark = call.query["place"].partition(".")
        before = (number_of(known_from), mark)
    with names_in_query(call):
        answer = await findings.findings(
            connection,
            times,
            kind=call.query.get("kind"),
            person=call.query.get("person"),
            lab=call.query.get("lab"),
            before=before,
            limit=limit_of(call),
        )
    return Page(answer, answer.next)


async def get_log(call: Call) -> log.LogAnswer:
    connection, _ = call.reading()
    return await log.log_head(connection)


def event_id(call: Call) -> UUID:
    """
    The event that the path names.

    Raises:
        UnknownEvent: it is no id of an event.
    """
    found = uuid_or_none(call.path["event_id"])
    if found is None:
        raise UnknownEvent(call.path["event_id"])
    return found
