"""A person on a day: where they were and why, every stay, and every event that names them."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from litestar import Response
from markupsafe import Markup

from service.answers.colleagues import ColleaguesAnswer, colleagues_of
from service.answers.events import EventView
from service.answers.ledgers import Entry, LedgerAnswer, ledger_of
from service.answers.names import Named
from service.answers.people import PersonState, StintView, person_state, stint_view
from service.answers.times import Times
from service.answers.why import WhyAnswer, why_present
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, bounds, day_in_words, eve, in_words
from service.formats.csv import Table
from service.formats.json_ld import person_json_ld
from service.formats.outside_ids import outside_links
from service.formats.tables.findings import findings_table
from service.formats.tables.people import colleagues_table
from service.postgres.pool import Connection
from service.web import feeds
from service.web.addresses import lab_address, person_address, person_json
from service.web.asked import with_pairs
from service.web.charts.strips import EARLIEST, reach
from service.web.lanes import AtOnce, at_once, lanes, overlap_pieces
from service.web.ledger import ledger_line, ledger_table
from service.web.page import Page
from service.web.pictures.drawing import Picture
from service.web.previews import PNG, is_wanted, lane_of, preview, send_picture
from service.web.tables import ROWS_MAX, Offer, check_rows, offers, send_table, wanted_table
from service.web.visits import Visit
from service.web.wording import days_in_words

TABLES = ("stints", "events", "findings", "colleagues")
WHYS_MAX = 6
"""Of so many labs at once at most the reasons are told; each is worked out for itself."""
COLLEAGUES_MAX = 15
FOUNDER = "Founder"
"""What a founder is called whose role is not said, as in the fold."""
STINT_COLUMNS = (
    "person_id", "person", "lab_id", "lab", "start", "start_lo", "start_hi", "end", "end_lo",
    "end_hi", "role", "team", "location", "relation", "presence", "on_leave", "last_evidence",
    "events",
)  # fmt: skip


class Held(NamedTuple):
    """A role, and the date of what first says it of this stay."""

    role: str
    team: str | None
    since: str
    """In words."""


class Stay(NamedTuple):
    """One stint as the table shows it."""

    stint: StintView
    held: Sequence[Held]
    evidence: Sequence[tuple[UUID, str]]
    """Each event that it rests on, with its type in words."""


class Together(NamedTuple):
    """Days at several labs, in words."""

    labs: Sequence[Named]
    presence: str
    days: str


async def person(visit: Visit) -> Response[bytes]:
    table = wanted_table(visit, TABLES, also=(PNG, feeds.ATOM))
    async with visit.reading() as (connection, times):
        state = await person_state(connection, visit.path["person"], times)
        one = state.person
        moved = visit.elsewhere("person", one.id)
        if moved is not None:
            return moved
        stints = [stint_view(s, state.labels.lab(s.lab), times.at) for s in state.stints]
        if table == "stints":
            return await send_table(visit, _stints_table(state, stints), times, one.id)
        if table == "findings":
            return await send_table(visit, findings_table(state.noticed), times, one.id)
        if table == "colleagues":
            every = await colleagues_of(
                connection, one.id, times, lab=None, after=None, limit=ROWS_MAX
            )
            check_rows(len(every.items) + (every.next is not None), "The API has them by lab.")
            return await send_table(visit, colleagues_table(every.items), times, one.id)
        if is_wanted(visit):
            whys = await _whys(connection, state, stints, times)
            return await send_picture(visit, _picture(visit, state, times, whys))
        rests_on = [event_id for stint in stints for event_id in stint.events]
        ledger = await ledger_of(connection, one.id, times, also=rests_on)
        if feeds.is_wanted(visit):
            return await feeds.send_feed(
                visit,
                connection,
                times,
                feeds.words_of(ledger),
                path=person_address(one.id),
                title=f"What is recorded of {one.name}",
            )
        if table == "events":
            return await send_table(visit, ledger_table(ledger), times, one.id)
        whys = await _whys(connection, state, stints, times)
        colleagues = await _colleagues(connection, state, times)
        present = [why.presence for why in whys if why.presence != "absent"]
        bar = await visit.time_bar(
            connection,
            times,
            one.name,
            uncertain=sum(p != "certain" for p in present) if present else None,
        )
    window = reach(state.stints, max(visit.today, times.at), EARLIEST)
    together = at_once(state.stints)
    return visit.show(
        "person.html",
        person=one,
        links=outside_links(one.ids),
        whys=whys,
        is_present=bool(present),
        lanes=lanes(state.stints, state.labels, window, times.at),
        together=[_together(span, state) for span in together],
        together_pieces=overlap_pieces(together, window),
        ticks=window.ticks(),
        rule=window.x(times.at),
        stays=[_stay(stint, ledger) for stint in stints],
        lines=[ledger_line(entry) for entry in ledger.entries],
        findings=state.noticed,
        colleagues=colleagues,
        json_ld=_json_ld(state, stints, times),
        feed=feeds.feed_address(visit, person_address(one.id)),
        preview=preview(person_address(one.id), visit.asked.pairs, _told(state, times, whys)),
        files=_files(visit, one.id),
        bar=bar,
    )


def _told(state: PersonState, times: Times, whys: Sequence[WhyAnswer]) -> str:
    """Where they were on the day, in words."""
    there = next((why for why in whys if why.presence != "absent"), None)
    if there is not None:
        return there.sentence
    on = day_in_words(times.at)
    return f"{state.person.name} is not known to have been anywhere on {on}."


def _picture(visit: Visit, state: PersonState, times: Times, whys: Sequence[WhyAnswer]) -> Picture:
    window = reach(state.stints, max(visit.today, times.at), EARLIEST)
    drawn = lanes(state.stints, state.labels, window, times.at)
    said = _told(state, times, whys)
    return Picture("Person", state.person.name, said, tuple(lane_of(one) for one in drawn))


def _files(visit: Visit, one: str) -> dict[str, Offer]:
    own, asked = person_json(one), visit.asked
    is_cut = asked.published_by is not None
    # The API tells events and findings of all that is known, whatever was published by when.
    named = [("person", one), *asked.pairs]
    return offers(
        visit,
        {
            "stints": with_pairs(own, asked.pairs),
            "events": None if is_cut else with_pairs("/v1/events", named),
            "findings": None if is_cut else with_pairs("/v1/findings", named),
            "colleagues": with_pairs(f"{own}/colleagues", asked.pairs),
        },
    )


async def _whys(
    connection: Connection, state: PersonState, stints: Sequence[StintView], times: Times
) -> list[WhyAnswer]:
    """Why they were at each lab where they were; else why not where they last had been."""
    there = dict.fromkeys(s.lab.id for s in stints if s.presence is not None)
    labs = list(there)[:WHYS_MAX] or _nearest(state, times.at)
    return [await why_present(connection, lab, state.person.id, times) for lab in labs]


def _nearest(state: PersonState, at: date) -> list[str]:
    """The lab of the last stay before a day, else of the first one after it."""
    before = [stint for stint in state.stints if stint.start.lo <= at]
    return [stint.lab for stint in (before[-1:] or state.stints[:1])]


async def _colleagues(
    connection: Connection, state: PersonState, times: Times
) -> ColleaguesAnswer | None:
    """Those with the most days; None where the whole log would have to be folded for them."""
    if times.published_by is not None:
        return None
    return await colleagues_of(
        connection,
        state.person.id,
        times,
        lab=None,
        after=None,
        limit=COLLEAGUES_MAX,
        stints=state.stints,
    )


def _together(span: AtOnce, state: PersonState) -> Together:
    first = None if span.first == UNBOUNDED_LO else span.first
    last = None if span.after == UNBOUNDED_HI else eve(span.after)
    labs = [state.labels.lab(lab) for lab in span.labs]
    return Together(labs, span.presence, days_in_words(first, last))


def _stay(stint: StintView, ledger: LedgerAnswer) -> Stay:
    entries = {entry.event["event_id"]: entry for entry in ledger.entries}
    own = [entries[event_id] for event_id in stint.events if event_id in entries]
    return Stay(
        stint,
        _held(own, ledger.person),
        [
            (event_id, ledger.types.get(event_id, "event").replace("_", " "))
            for event_id in stint.events
        ],
    )


def _held(entries: Sequence[Entry], person_id: str) -> list[Held]:
    """
    The roles of a stay, each from what first says it.

    What a departure says was held when leaving counts where nothing else says a role, as in the
    fold.
    """
    said = [entry for entry in entries if entry.says.get("date")]
    said.sort(key=lambda entry: (bounds(entry.says["date"]), entry.event["position"]))
    held: list[Held] = []
    for is_leaving in (False, True):
        for entry in said:
            role, team = _role_of(entry.says, person_id), entry.says.get("team")
            if role is None or (entry.says["type"] == "departure") != is_leaving:
                continue
            if not held or (held[-1].role, held[-1].team) != (role, team):
                since = in_words(entry.says["date"])
                held.append(Held(role, team, f"when leaving, {since}" if is_leaving else since))
        if held:
            break
    return held


def _role_of(says: EventView, person_id: str) -> str | None:
    if says["type"] != "founding":
        role: str | None = says.get("role")
        return role
    for founder in says.get("founders", ()):
        if isinstance(founder, dict) and founder["person"].id == person_id:
            return str(founder.get("role") or FOUNDER)
    return FOUNDER


def _stints_table(state: PersonState, stints: Sequence[StintView]) -> Table:
    one = state.person
    return Table(
        "stints",
        STINT_COLUMNS,
        (
            [
                one.id,
                one.name,
                stint.lab.id,
                stint.lab.name,
                stint.start.date,
                stint.start.lo,
                stint.start.hi,
                *((stint.end.date, stint.end.lo, stint.end.hi) if stint.end else (None,) * 3),
                stint.role,
                stint.team,
                stint.location,
                stint.relation,
                stint.presence,
                stint.on_leave,
                stint.last_evidence,
                stint.events,
            ]
            for stint in stints
        ),
    )


def _json_ld(state: PersonState, stints: Sequence[StintView], times: Times) -> Markup:
    text = person_json_ld(
        state.person,
        stints,
        times.at,
        address_of_person=person_address,
        address_of_lab=lab_address,
    )
    return Markup(text)  # noqa: S704 (nothing in it ends the element)


PAGES = (Page(name="person", path="/people/{person:str}", answer=person, is_lasting=True),)
