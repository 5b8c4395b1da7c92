"""Findings: what the fold noticed and did not hide, as a queue of work."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast
from uuid import UUID

from litestar import Response

from service.answers.events import ToldEvent, what_events_say
from service.answers.findings import FindingsAnswer, FindingView, findings, findings_by_kind
from service.answers.similar_people import PLACE, similar_people
from service.answers.times import Times
from service.domain.findings import FINDING_KINDS, FindingKind
from service.domain.refusals import BadParameter, shown
from service.formats.tables.findings import findings_table
from service.postgres.pool import Connection
from service.read_models.beliefs import BELIEVED
from service.web.asked import KNOWN_AT, other_pairs, with_pairs
from service.web.page import Page
from service.web.paging import BEFORE
from service.web.tables import ROWS_AT_ONCE, every, offers, send_table, wanted_table
from service.web.visits import Visit
from service.web.wording import Part, sentence

PATH = "/findings"
KIND = "kind"
PAGE_FINDINGS = 30
TABLES = ("findings",)
SAME_PERSON = "possible_same_person"
KINDS = {
    "overlap": "At two labs at once",
    "possible_duplicate": "Two events that may be one",
    "already_present": "Joined while already there",
    "unknown_start": "Nothing says from when",
    "before_founding": "Before the lab was founded",
    "after_closure": "After the lab had closed",
    "ended_twice": "Ended more than once",
    "cycle": "Would follow itself",
    SAME_PERSON: "May be the same person",
}
"""What kinds of findings are called."""
_PLACE = re.compile(r"([0-9]{1,18})\.([0-9a-f]{32})")


class Told(NamedTuple):
    """An event that a finding is about."""

    event_id: UUID
    sentence: Sequence[Part]
    is_withdrawn: bool


class Line(NamedTuple):
    """One finding as it is listed."""

    finding: FindingView
    kind: str
    events: Sequence[Told]


class Facet(NamedTuple):
    """A kind to choose."""

    name: str
    address: str
    is_here: bool
    findings: int | None
    """How many there are as known then; None of guesses, which are not counted."""


async def list_findings(visit: Visit) -> Response[bytes]:
    kind = visit.text(KIND)
    if kind not in (None, *KINDS):
        raise BadParameter(KIND, f"{shown(str(kind))} is none of: {', '.join(KINDS)}.")
    person, lab = visit.text("person"), visit.text("lab")
    table = wanted_table(visit, TABLES)
    async with visit.reading() as (connection, times):
        # The API has no such time for findings: they are of all that is on the log.
        times.published_by = None
        if table is not None:
            found = await every_finding(connection, times, kind=kind, person=person, lab=lab)
            return await send_table(visit, findings_table(found), times)
        answer = await _asked(
            connection,
            times,
            kind=kind,
            person=person,
            lab=lab,
            place=visit.text(BEFORE),
            limit=PAGE_FINDINGS,
        )
        said = await what_events_say(
            connection, {one for item in answer.items for one in item.events}, times
        )
        counts = await findings_by_kind(
            connection, times, person=visit.text("person"), lab=visit.text("lab")
        )
        bar = await visit.time_bar(connection, times, "Findings, with labs as they were called")
    rest = other_pairs(visit.pairs, BEFORE)
    filters = [(KIND, kind), ("person", person), ("lab", lab)]
    times_asked = [pair for pair in visit.asked.pairs if pair[0] != "published_by"]
    json = with_pairs("/v1/findings", [*filters, *times_asked])
    return visit.show(
        "findings.html",
        lines=[_line(item, said) for item in answer.items],
        facets=_facets(visit, kind, counts),
        kind=kind,
        kind_in_words=KINDS.get(kind or ""),
        person=person or "",
        lab=lab or "",
        kept=[(n, v) for n, v in [(KIND, kind), *visit.asked.pairs] if v is not None],
        is_first=visit.text(BEFORE) is None,
        looked_at=answer.looked_at,
        next_page=None if answer.next is None else with_pairs(PATH, [*rest, (BEFORE, answer.next)]),
        json=json,
        files=offers(visit, {"findings": json}, passing=[BEFORE]),
        bar=bar,
    )


async def every_finding(
    connection: Connection,
    times: Times,
    *,
    kind: str | None = None,
    person: str | None = None,
    lab: str | None = None,
) -> Sequence[FindingView]:
    """
    All findings of a kind, a person or a lab.

    Raises:
        BadParameter: there are more than a table may have.
    """
    return await every(
        lambda place: _asked(
            connection,
            times,
            kind=kind,
            person=person,
            lab=lab,
            place=place,
            limit=ROWS_AT_ONCE,
        ),
        "Ask for those of a kind, of a lab or of a person, or have them page by page as JSON.",
    )


async def _asked(
    connection: Connection,
    times: Times,
    *,
    kind: str | None,
    person: str | None,
    lab: str | None,
    place: str | None,
    limit: int,
) -> FindingsAnswer:
    if kind == SAME_PERSON:
        first, _, other = _pair_in(place)
        return await similar_people(
            connection,
            times,
            person=person,
            lab=lab,
            after=(first, other),
            is_first_page=place is None,
            limit=limit,
        )
    return await findings(
        connection,
        times,
        kind=cast("FindingKind | None", kind),
        person=person,
        lab=lab,
        before=_place_in(place),
        limit=limit,
    )


def _place_in(text: str | None) -> tuple[int, str]:
    if text is None:
        return (BELIEVED, "")
    found = _PLACE.fullmatch(text)
    if found is None:
        raise _no_place(text)
    return (int(found[1]), found[2])


def _pair_in(text: str | None) -> tuple[str, str, str]:
    if text is not None and not text.startswith(PLACE):
        raise _no_place(text)
    return (text or "").removeprefix(PLACE).partition(".")


def _no_place(text: str) -> BadParameter:
    return BadParameter(BEFORE, f"{shown(text)} is no place in this list; begin again without it.")


def _line(finding: FindingView, said: Mapping[UUID, ToldEvent]) -> Line:
    return Line(
        finding,
        KINDS[finding.kind],
        [
            Told(one, sentence(said[one].says), said[one].is_withdrawn)
            for one in finding.events
            if one in said
        ],
    )


def _facets(visit: Visit, kind: str | None, counts: Mapping[str, int]) -> list[Facet]:
    rest = other_pairs(visit.pairs, KIND, BEFORE)
    # Guesses are of now alone.
    of_now = other_pairs(rest, KNOWN_AT)

    def address(one: str) -> str:
        return with_pairs(PATH, [*(of_now if one == SAME_PERSON else rest), (KIND, one)])

    return [
        Facet("All kinds", with_pairs(PATH, rest), kind is None, sum(counts.values())),
        *(
            Facet(
                name,
                address(one),
                one == kind,
                None if one == SAME_PERSON else counts.get(one, 0),
            )
            for one, name in KINDS.items()
        ),
    ]


assert set(KINDS) == {*FINDING_KINDS, SAME_PERSON}, "each kind has a name"

PAGES = (Page(name="findings", path=PATH, answer=list_findings),)
