"""Who moved from where to where: the moves, what they add up to, and when they were."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, cast, get_args
from urllib.parse import urlencode

from litestar import Response

from service.answers.flows import Flow
from service.answers.movements import Movements, movements
from service.answers.moves import Asked, Sure
from service.answers.names import Named, order_of
from service.answers.times import Period, Times
from service.domain.moves import WITHIN_DAYS, WITHIN_DAYS_MAX, MoveKind
from service.domain.refusals import AmbiguousName, BadParameter, UnknownName, shown
from service.formats.csv import Table
from service.formats.tables.moves import flows_table, moves_table, tallies_table
from service.web import feeds
from service.web.asked import KNOWN_AT, with_pairs
from service.web.page import Page
from service.web.pages.search import MOVES
from service.web.periods import FROM, TO, asked_period, balance_of, lately_up_to
from service.web.pictures.drawing import Picture
from service.web.previews import PNG, is_wanted, pairs_of, preview, send_picture
from service.web.tables import ROWS_MAX, Offer, check_rows, offers, send_table, wanted_table
from service.web.time_bar import in_the_period, sentence
from service.web.visits import Visit

PAGE_ITEMS = 50
TABLES = ("moves", "flows", "balance")
AFTER = "after"
NAMES = ("from_lab", "to_lab", "person")
KINDS: tuple[str, ...] = get_args(MoveKind)
MATRIX_LABS_MAX = 12


class Matrix(NamedTuple):
    """Flows between the labs with the most of them."""

    to_labs: Sequence[Named]
    rows: Sequence[tuple[Named, Sequence[Flow | None]]]
    """A lab from which people went, and to each of *to_labs* how many; None of nobody."""
    left_out: int
    """Flows between known labs for which there was no room."""


async def list_moves(visit: Visit) -> Response[bytes]:
    said = {name: visit.text(name) for name in NAMES}
    kind, within, place = visit.text("kind"), _within(visit), visit.text(AFTER)
    if kind not in (None, *KINDS):
        raise BadParameter("kind", f"{shown(str(kind))} is none of: {', '.join(KINDS)}.")
    if visit.text("lab") is not None:
        raise BadParameter(
            "lab",
            "There is no filter 'lab' here: give 'from_lab', where people left, or 'to_lab', "
            "where they arrived.",
        )
    period = asked_period(visit)
    table = wanted_table(visit, TABLES, also=[PNG, feeds.ATOM])
    # Without a period of its own a feed goes on with the days, as the page does.
    followed = _filters(said, kind, within, period)

    def address(filters: Mapping[str, str]) -> str:
        return with_pairs(MOVES, [*filters.items(), *visit.asked.pairs])

    limit = ROWS_MAX if table is not None else PAGE_ITEMS
    if feeds.is_wanted(visit):
        limit = feeds.MOVES_MAX
    is_whole = limit != PAGE_ITEMS
    told: Movements | None = None
    refused: UnknownName | AmbiguousName | None = None
    async with visit.reading() as (connection, times):
        # Of everybody's moves only some can be read at once.
        periods = [period] if any(said.values()) else lately_up_to(period, times.at)

        def told_of(period: Period) -> Awaitable[Movements]:
            asked = Asked(
                **said,
                kind=cast("MoveKind | None", kind),
                from_on=period.from_on,
                to_on=period.to_on,
                within=within,
            )
            return movements(
                connection,
                times,
                asked,
                after=None if is_whole else place,
                limit=limit,
                address=address,
            )

        try:
            period, told = await _first_that_can_be_read(periods, told_of)
        except (UnknownName, AmbiguousName) as refusal:
            refused = refusal
        if table is not None and told is not None:
            return await send_table(visit, _table(table, told), times)
        if feeds.is_wanted(visit) and told is not None:
            return await feeds.send_moves(
                visit,
                connection,
                times,
                told.moves.items,
                path=MOVES,
                filters=followed,
                title=_followed_in_words(said),
            )
        subject = f"Moves {in_the_period(period)}, with labs as they were called"
        if is_wanted(visit) and told is not None:
            return await send_picture(visit, _picture(told, sentence(subject, times)))
        bar = await visit.time_bar(connection, times, subject, passing=[AFTER])
    if place is not None:
        bar = bar._replace(cite=f"{bar.cite}&{urlencode({AFTER: place})}")
    filters = _filters(said, kind, within, period)
    return visit.show(
        "moves.html",
        status=200 if told else 422,
        told=told,
        refused=refused,
        near=[] if refused is None else _near(refused, said, filters, visit),
        said=said,
        kind=kind,
        kinds=KINDS,
        within=within,
        within_max=WITHIN_DAYS_MAX,
        period=period,
        kept=[(name, value) for name, value in visit.asked.pairs if value is not None],
        matrix=matrix(told.flows if told else ()),
        one_sided=[f for f in told.flows if not (f.from_lab and f.to_lab)] if told else (),
        balance=balance_of(told.tallies) if told else None,
        is_first=place is None,
        first_page=with_pairs(MOVES, [*filters, *visit.asked.pairs]),
        next_page=_next_page(visit, filters, told.moves.next, times) if told else None,
        json=with_pairs("/v1/moves", [*filters, *visit.asked.pairs]),
        files=_files(visit, filters),
        feed=feeds.feed_address(visit, MOVES, followed) if told else None,
        preview=preview(MOVES, [*filters, *visit.asked.pairs], sentence(subject, times)),
        bar=bar,
    )


def _filters(
    said: Mapping[str, str | None], kind: str | None, within: int, period: Period
) -> list[tuple[str, str | None]]:
    """What of the address narrows the moves, and within which days they are looked for."""
    filters = [*said.items(), ("kind", kind), *_days(period)]
    if within != WITHIN_DAYS:
        filters.append(("within", str(within)))
    return filters


def _followed_in_words(said: Mapping[str, str | None]) -> str:
    words = {"from_lab": "from", "to_lab": "to", "person": "of"}
    return " ".join(["Moves", *(f"{words[name]} {text}" for name, text in said.items() if text)])


def _picture(told: Movements, said: str) -> Picture:
    count = told.moves.count
    most = count.certain + count.possible
    title = f"{count.certain:,} to {most:,} moves" if count.possible else f"{most:,} moves"
    return Picture("Who moved", title, said, pairs_of(told.tallies))


def _files(visit: Visit, filters: Sequence[tuple[str, str | None]]) -> dict[str, Offer]:
    every = [*filters, *visit.asked.pairs]
    # The API counts from lab to lab whatever is asked of the single moves.
    narrower = [name for name, value in filters if value and name in (*NAMES, "kind")]
    flows = None if narrower else with_pairs("/v1/flows", every)
    moves = with_pairs("/v1/moves", every)
    return offers(visit, {"moves": moves, "flows": flows, "balance": None}, passing=[AFTER])


def _table(table: str, told: Movements) -> Table:
    """
    One of the tables, whole.

    Raises:
        BadParameter: it has more rows than a table may have.
    """
    if table == "flows":
        return flows_table(table, told.flows)
    if table == "balance":
        return tallies_table(table, told.tallies.items)
    moves = told.moves
    check_rows(len(moves.items) + (moves.next is not None), "Ask for a shorter period.")
    return moves_table(table, moves.items)


async def _first_that_can_be_read(
    periods: Sequence[Period], told_of: Callable[[Period], Awaitable[Movements]]
) -> tuple[Period, Movements]:
    """
    The first period with not too many people, and what is told of it.

    Raises:
        BadParameter: there are too many in each; or what *told_of* raises for another reason.
    """
    *longer, last = periods
    for period in longer:
        try:
            return period, await told_of(period)
        except BadParameter as refusal:
            if refusal.name != FROM:
                raise
    return last, await told_of(last)


def _near(
    refused: UnknownName | AmbiguousName,
    said: Mapping[str, str | None],
    filters: Sequence[tuple[str, str | None]],
    visit: Visit,
) -> list[tuple[str, str]]:
    """Those who may be meant, each with the address of their moves."""
    meant = refused.suggestions if isinstance(refused, UnknownName) else refused.candidates
    wrong = {name for name in NAMES if said[name] == refused.text}

    def address(one: str) -> str:
        own = [(name, one if name in wrong else value) for name, value in filters]
        return with_pairs(MOVES, [*own, *visit.asked.pairs])

    return [(one.name, address(one.id)) for one in meant]


def matrix(flows: Sequence[Flow]) -> Matrix:
    """
    The flows of those labs from which, and to which, the most people moved.

    Shapes: *flows* in any order; labs by how many moved, the most first.
    """
    between = [(f.from_lab, f.to_lab, f) for f in flows]
    cells = {(a, b): f for a, b, f in between if a is not None and b is not None}
    from_labs = _largest({(a, (a, b)): f.count for (a, b), f in cells.items()})
    to_labs = _largest({(b, (a, b)): f.count for (a, b), f in cells.items()})
    rows = [(a, [cells.get((a, b)) for b in to_labs]) for a in from_labs]
    rows = [(a, row) for a, row in rows if any(row)]
    kept = [b for i, b in enumerate(to_labs) if any(row[i] for _, row in rows)]
    rows = [(a, [cells.get((a, b)) for b in kept]) for a, _ in rows]
    return Matrix(kept, rows, len(cells) - sum(f is not None for _, row in rows for f in row))


def _largest(counts: Mapping[tuple[Named, object], Sure]) -> list[Named]:
    sums: dict[Named, int] = {}
    for (lab, _), count in counts.items():
        sums[lab] = sums.get(lab, 0) + count.certain + count.possible
    return sorted(sums, key=lambda lab: (-sums[lab], order_of(lab)))[:MATRIX_LABS_MAX]


def _next_page(
    visit: Visit, filters: Sequence[tuple[str, str | None]], place: str | None, times: Times
) -> str | None:
    """The rest of this very list: as it is known now, whatever is recorded meanwhile."""
    if place is None:
        return None
    own = dict(visit.asked.pairs) | {KNOWN_AT: str(times.known_at.position)}
    return with_pairs(MOVES, [*filters, *own.items(), (AFTER, place)])


def _within(visit: Visit) -> int:
    text = visit.text("within")
    if text is None:
        return WITHIN_DAYS
    if not (text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= WITHIN_DAYS_MAX):
        raise BadParameter(
            "within", f"{shown(text)} is no number of days from 0 to {WITHIN_DAYS_MAX}."
        )
    return int(text)


def _days(period: Period) -> list[tuple[str, str | None]]:
    days = [(FROM, period.from_on), (TO, period.to_on)]
    return [(name, None if on is None else on.isoformat()) for name, on in days]


PAGES = (Page(name="moves", path=MOVES, answer=list_moves, is_lasting=True),)
