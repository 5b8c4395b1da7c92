"""Reads about people in motion: moves, flows between labs, headcounts over time, colleagues."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import islice

from service.answers import colleagues, flows, headcounts, moves
from service.answers.times import Period, Times
from service.api.links import path_of, query_of
from service.api.operations import Call, Page
from service.api.paging import limit_of, names_in_query
from service.domain.dates import YEAR_MIN
from service.domain.headcounts import Step, days_from
from service.domain.moves import WITHIN_DAYS
from service.domain.refusals import BadParameter

YEAR_DAYS = 365
"""So many days before its last one a period begins that is given none to begin with."""
DAYS_MAX = 1_200
"""On so many days at most people are counted for one question."""
_STEP = "month"
_FIRST_DAY = date(YEAR_MIN, 1, 1)


async def list_moves(call: Call) -> Page:
    connection, times = call.reading()
    from_on, to_on = call.query.get("from"), call.query.get("to")
    if from_on is not None and to_on is not None:
        _in_order(from_on, to_on)
    asked = moves.Asked(
        from_lab=call.query.get("from_lab"),
        to_lab=call.query.get("to_lab"),
        person=call.query.get("person"),
        kind=call.query.get("kind"),
        from_on=from_on,
        to_on=to_on,
        within=call.query.get("within", WITHIN_DAYS),
    )
    with names_in_query(call):
        answer = await moves.moves_between(
            connection, times, asked, after=call.query.get("place"), limit=limit_of(call)
        )
    return Page(answer, answer.next)


async def list_flows(call: Call) -> Page:
    connection, times = call.reading()
    from_on, to_on = _days(call, times)
    asked = moves.Asked(
        lab=call.query.get("lab"),
        from_on=from_on,
        to_on=to_on,
        within=call.query.get("within", WITHIN_DAYS),
    )
    with names_in_query(call):
        answer = await flows.flows_between(
            connection,
            times,
            asked,
            after=call.query.get("place"),
            limit=limit_of(call),
            address=lambda filters: _address("/v1/moves", filters, times),
        )
    return Page(answer, answer.next)


async def get_headcounts(call: Call) -> headcounts.HeadcountsAnswer:
    connection, times = call.reading()
    from_on, to_on = _days(call, times)
    step: Step = call.query.get("step", _STEP)
    days = list(islice(days_from(from_on, to_on, step), DAYS_MAX + 1))
    if len(days) > DAYS_MAX:
        raise BadParameter(
            "step",
            f"From {from_on} to {to_on} a count for each {step} is one for more than "
            f"{DAYS_MAX} days; take a longer step or a shorter period.",
        )
    return await headcounts.headcounts_of(
        connection,
        call.path["lab"],
        times,
        period=Period(from_on, to_on),
        step=step,
        days=days,
        address=lambda lab, on: _address(
            path_of("/v1/labs/{lab:str}", {"lab": lab}), {"at": on.isoformat()}, times
        ),
    )


async def list_colleagues(call: Call) -> Page:
    connection, times = call.reading()
    with names_in_query(call):
        answer = await colleagues.colleagues_of(
            connection,
            call.path["person"],
            times,
            lab=call.query.get("lab"),
            after=call.query.get("place"),
            limit=limit_of(call),
        )
    return Page(answer, answer.next)


def _days(call: Call, times: Times) -> tuple[date, date]:
    """
    The days asked for; unless they are given, the year up to the day of the answer.

    Raises:
        BadParameter: they are not in order.
    """
    to_on = call.query.get("to", times.at)
    from_on = call.query.get("from", max(to_on - timedelta(days=YEAR_DAYS), _FIRST_DAY))
    _in_order(from_on, to_on)
    return from_on, to_on


def _in_order(from_on: date, to_on: date) -> None:
    if from_on > to_on:
        raise BadParameter(
            "from", f"'from', {from_on}, is later than 'to', {to_on}; give them in order."
        )


def _address(path: str, filters: Mapping[str, str], times: Times) -> str:
    """The address of rows that a count is of, as they were known then."""
    pinned = {"at": times.at.isoformat(), **filters, "known_at": str(times.known_at.position)}
    if times.published_by is not None:
        pinned["published_by"] = times.published_by.isoformat()
    return f"{path}?{query_of(pinned.items())}"
