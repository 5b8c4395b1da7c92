"""
What is new about a lab, a person, moves or all, for those who follow it with a reader of feeds.

A page's address with `format=atom` is its feed, as known at the time of the address.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from litestar import Response

from service.answers.events import EventView, ToldEvent, what_events_say
from service.answers.ledgers import LedgerAnswer
from service.answers.moves import MoveView
from service.answers.times import Times
from service.formats import atom
from service.formats.atom import Entry, Feed
from service.postgres.pool import Connection
from service.web.addresses import event_address, person_address
from service.web.asked import KNOWN_AT, with_pairs
from service.web.tables import FORMAT
from service.web.visits import Visit
from service.web.wording import View, plain, sentence

ATOM = "atom"
ENTRIES_MAX = 50
WORDS_MAX = 100
"""So many of what was recorded last are looked at for them."""
MOVES_MAX = 500
"""So many of the latest moves are looked at for those that were spoken of last."""
_NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)
_MAY_BE_ANOTHER = "By their dates another arrival may be the one that followed."
_WORDS = {"correction": "Corrected", "retraction": "Retracted"}


class Word(NamedTuple):
    """What was recorded of an event: itself, or a correction or retraction of it."""

    about: UUID
    event: EventView


def is_wanted(visit: Visit) -> bool:
    """Whether the address asks for the feed of its page."""
    return visit.text(FORMAT) == ATOM


def feed_address(visit: Visit, path: str, filters: Iterable[tuple[str, str | None]] = ()) -> str:
    """Where the feed of a page is; a day makes no difference to what is recorded."""
    known_at = dict(visit.asked.pairs)[KNOWN_AT]
    return with_pairs(path, [*filters, (KNOWN_AT, known_at), (FORMAT, ATOM)])


def words_in(events: Iterable[EventView]) -> list[Word]:
    """Events of the log, the latest first, by what they are about."""
    return [Word(UUID(str(one.get("target", one["event_id"]))), one) for one in events]


def words_of(ledger: LedgerAnswer) -> list[Word]:
    """All that was recorded of a person, the latest first."""
    every = [
        Word(entry.event["event_id"], one)
        for entry in ledger.entries
        for one in (entry.event, *entry.words)
    ]
    return sorted(every, key=lambda word: word.event["position"], reverse=True)


async def send_feed(
    visit: Visit,
    connection: Connection,
    times: Times,
    words: Sequence[Word],
    *,
    path: str,
    title: str,
) -> Response[bytes]:
    """The events that *words* are of, each as it is said now, as the feed of a page at *path*."""
    latest: dict[UUID, list[EventView]] = {}
    for word in words:
        if word.about in latest or len(latest) < ENTRIES_MAX:
            latest.setdefault(word.about, []).append(word.event)
    said = await what_events_say(connection, latest, times)
    feed = Feed(
        id=f"urn:lab-timeline:feed:{path}",
        title=title,
        address=visit.origin + feed_address(visit, path),
        page=visit.origin + path,
        updated=next((w.event["recorded_at"] for w in words), _NOTHING_YET),
        entries=[
            _entry(visit, one, events, said[one].says, is_withdrawn=said[one].is_withdrawn)
            for one, events in latest.items()
            if one in said
        ],
    )
    return visit.send(atom.to_atom(feed), media_type=atom.MEDIA_TYPE)


async def send_moves(
    visit: Visit,
    connection: Connection,
    times: Times,
    moves: Sequence[MoveView],
    *,
    path: str,
    filters: Sequence[tuple[str, str | None]],
    title: str,
) -> Response[bytes]:
    """
    Those of *moves* that were spoken of last, as the feed of the page at *path* with *filters*.

    A move is an entry by its person and by the events of its ends: it keeps its id while they are
    its ends, and is updated by whatever is said of them. What is no move any more is left out.
    """
    said = await what_events_say(connection, {e for move in moves for e in _ends(move)}, times)
    entries = [_move_entry(visit, move, [said[e] for e in _ends(move)]) for move in moves]
    # Those of one instant stay as the page lists them.
    entries.sort(key=lambda entry: entry.updated, reverse=True)
    page = with_pairs(path, filters)
    feed = Feed(
        id=f"urn:lab-timeline:feed:{page}",
        title=title,
        address=visit.origin + feed_address(visit, path, filters),
        page=visit.origin + page,
        updated=entries[0].updated if entries else _NOTHING_YET,
        entries=entries[:ENTRIES_MAX],
    )
    return visit.send(atom.to_atom(feed), media_type=atom.MEDIA_TYPE)


def _ends(move: MoveView) -> list[UUID]:
    return [end.event for end in (move.left, move.joined) if end is not None]


def _move_entry(visit: Visit, move: MoveView, events: Sequence[ToldEvent]) -> Entry:
    """Shapes: *events* are those of the ends that there are, the departure's first."""
    texts = [plain(sentence(one.says)) for one in events]
    if move.is_next == "possible":
        texts.append(_MAY_BE_ANOTHER)
    sources = [str(source["url"]) for one in events for source in one.says.get("sources", ())]
    ends = [str(end.event) if end is not None else "-" for end in (move.left, move.joined)]
    return Entry(
        id=":".join(("urn:lab-timeline:move", quote(move.person.id, safe=""), *ends)),
        title=_move_in_words(move),
        address=visit.origin + person_address(move.person.id),
        published=max(one.recorded_at for one in events),
        updated=max(one.updated_at for one in events),
        said=[*texts, *dict.fromkeys(sources)],
    )


def _move_in_words(move: MoveView) -> str:
    if move.from_lab is None:
        assert move.to_lab is not None, "a move has a departure or an arrival"
        return f"{move.person.name} came to {move.to_lab.name}"
    if move.to_lab is None:
        return f"{move.person.name} left {move.from_lab.name}"
    return f"{move.person.name} went from {move.from_lab.name} to {move.to_lab.name}"


def _entry(
    visit: Visit, one: UUID, events: Sequence[EventView], says: View, *, is_withdrawn: bool
) -> Entry:
    """Shapes: *events* are what was recorded of one event, the latest first."""
    text = plain(sentence(says))
    own = next((e for e in events if e["event_id"] == one), None)
    told = [f"{_WORDS[e['type']]}: {e['reason']}" for e in events if e["type"] in _WORDS]
    sources = [str(source["url"]) for source in says.get("sources", ())]
    return Entry(
        id=one.urn,
        title=f"Withdrawn: {text}" if is_withdrawn else text,
        address=visit.origin + event_address(one),
        published=None if own is None else own["recorded_at"],
        updated=events[0]["recorded_at"],
        said=[text, *told, *sources],
    )
