"""
Histories on their way into a real log: commands, plans of groups, a model of what is accepted.

A plan is drawn as steps in commands in groups. Each group is one transaction of the writer;
the model says, from the live fold alone, which of its commands the service must accept.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from hypothesis import strategies as st

from service.app import CHANCE, ROLE, SEARCH_PATH
from service.domain.dates import UNBOUNDED_HI
from service.domain.events import (
    Correction,
    Entity,
    Fact,
    Payload,
    Position,
    RecordedEvent,
    Ref,
    Reference,
    Retraction,
    references,
    with_references,
)
from service.domain.fold import State, fold
from service.domain.identity import fold_name
from service.domain.refusals import Refusal
from service.domain.submissions import Submission, digest
from service.log.read import from_row
from service.postgres.pool import Connection, Pool, open_pool
from service.read_models.beliefs import BELIEVED, MODELS
from service.read_models.replay import CODE_VERSION
from service.recording.admission import Chance
from service.recording.commands import Command, Recorded
from service.recording.writer import Writer, commit
from tests.support import builders as b
from tests.support import strategies

_request_ids = count(1)

Rows = dict[str, list[dict[str, Any]]]
"""Of each read model its rows without their ids."""


def submission(payload: Payload, event_id: UUID | None = None, pointer: str = "") -> Submission:
    """*payload* as a client submits it."""
    return Submission(
        payload=payload,
        event_id=event_id,
        body_digest=digest(msgspec.to_builtins(payload)),
        pointer=pointer,
    )


def command(
    *said: Payload | Submission,
    by: str = "tester",
    key: str | None = None,
    request: bytes | None = None,
) -> Command:
    """One request; its digest is made of what it says unless *request* is given."""
    is_array = len(said) != 1
    submissions = [
        one if isinstance(one, Submission) else submission(one, None, f"/{i}" if is_array else "")
        for i, one in enumerate(said)
    ]
    return Command(
        submissions=submissions,
        recorded_by=by,
        request_id=f"request-{next(_request_ids)}",
        idempotency_key=key,
        request_digest=request or digest([s.body_digest.hex() for s in submissions]),
    )


async def commit_group(
    pool: Pool, *commands: Command, chance: Chance = CHANCE
) -> list[Recorded | BaseException]:
    """The answers to *commands*, committed in one transaction."""
    async with pool.acquire() as connection, connection.transaction():
        return await commit(connection, commands, chance)


async def record(
    pool: Pool, *said: Payload | Submission, key: str | None = None, by: str = "tester"
) -> list[RecordedEvent]:
    """
    The events of one command, committed by itself.

    Raises:
        Refusal: nothing was recorded.
    """
    (answer,) = await commit_group(pool, command(*said, key=key, by=by))
    if not isinstance(answer, Recorded):
        raise answer
    return [outcome.event for outcome in answer.outcomes]


async def read_log(connection: Connection) -> list[RecordedEvent]:
    """Every event that is recorded, in order."""
    rows = await connection.fetch("SELECT * FROM public.events ORDER BY position")
    return [from_row(row) for row in rows]


async def fetch_rows(connection: Connection, schema: str = "read_models") -> Rows:
    """Everything that is kept, in an order of its own."""
    found: Rows = {}
    for model in MODELS:
        records = [dict(r) for r in await connection.fetch(f"SELECT * FROM {schema}.{model}")]
        for row in records:
            del row["row_id"]
        found[model] = sorted(records, key=lambda r: (r["known_from"], r["known_to"], r["content"]))
    return found


def believed(rows: Rows, position: int) -> Rows:
    """What of *rows* was believed at a position, without the positions."""
    return {
        model: sorted(
            (
                {k: v for k, v in row.items() if k not in ("known_from", "known_to")}
                for row in rows[model]
                if row["known_from"] <= position < row["known_to"]
            ),
            key=repr,
        )
        for model in rows
    }


def rows_of(state: State) -> Rows:
    """What the read models have to say of *state*, made from the live fold."""
    text = msgspec.json.Encoder(order="deterministic").encode
    rows: Rows = {
        "stints": [
            {
                "person_id": s.person,
                "lab_id": s.lab,
                "start_lo": s.start.lo,
                "end_hi": s.end.hi if s.end else UNBOUNDED_HI,
                "content": text(s).decode(),
            }
            for s in state.stints
        ],
        "findings": [
            {
                "kind": f.kind,
                "person_id": f.person,
                "lab_ids": list(f.labs),
                "content": text(f).decode(),
            }
            # Two stints carried past a closure by one merger are one finding.
            for f in dict.fromkeys(state.findings)
        ],
        "people": [
            {"person_id": p.id, "canonical_id": p.canonical_id, "content": text(p).decode()}
            for p in state.people.values()
        ],
        "labs": [
            {
                "lab_id": lab.id,
                "canonical_id": lab.canonical_id,
                "successor_id": lab.end.successor if lab.end else None,
                "content": text(lab).decode(),
            }
            for lab in state.labs.values()
        ],
        "names": [
            {
                "kind": kind,
                "folded": folded,
                "subject_id": one.id,
                "canonical_id": one.canonical_id,
                "content": text((kind, folded, one.id, one.canonical_id)).decode(),
            }
            for kind, facts in (("person", state.people), ("lab", state.labs))
            for one in facts.values()
            for folded in sorted({fold_name(name) for name in one.names})
        ],
    }
    return {model: sorted(rows[model], key=repr) for model in MODELS}


def assert_rows_are_the_fold(rows: Rows, events: Sequence[RecordedEvent]) -> None:
    """At every position what was believed there is what the log up to there means."""
    assert [e.position for e in events] == list(range(1, len(events) + 1))
    for position in range(len(events) + 1):
        kept, meant = believed(rows, position), rows_of(fold(events[:position]))
        for model in MODELS:
            surplus = [row for row in kept[model] if row not in meant[model]]
            missing = [row for row in meant[model] if row not in kept[model]]
            assert (surplus, missing) == ([], []), f"{model} at {position}"
            assert kept[model] == meant[model], f"{model} at {position}, one of them twice"
    for name, every in rows.items():
        for row in every:
            assert 1 <= row["known_from"] < row["known_to"], (name, row)
            assert row["known_from"] <= len(events), (name, row)
            assert row["known_to"] == BELIEVED or row["known_to"] <= len(events), (name, row)


def assert_beliefs_are_whole(rows: Rows) -> None:
    """No belief ends only to begin again at the same position."""
    for model, kept in rows.items():
        begun = {(row["content"], row["known_from"]) for row in kept}
        assert not [r for r in kept if (r["content"], r["known_to"]) in begun], model


class Base(NamedTuple):
    """A database that examples share one after the other, and its superuser."""

    dsn: str
    pool: Pool
    owner: Connection

    async def empty(self) -> None:
        """Take everything out, past the triggers that the service cannot pass."""
        await self.owner.execute("SET session_replication_role = replica")
        await self.owner.execute(_EMPTY)
        await self.owner.execute(_EMPTY_STATE, CODE_VERSION)
        await self.owner.execute("SET session_replication_role = DEFAULT")


# CREATE DATABASE … TEMPLATE copies what is in a database, not what was granted on it.
_GRANT_CREATE = f"""
    DO $$ BEGIN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO {ROLE}', current_database());
    END $$
"""
_EMPTY = """
    TRUNCATE events, event_subjects, receipts, replays, read_models.stints,
        read_models.findings, read_models.people, read_models.labs, read_models.names
        RESTART IDENTITY;
    DROP SCHEMA IF EXISTS read_models_before, read_models_next CASCADE;
    DELETE FROM read_models.state;
"""
_EMPTY_STATE = "INSERT INTO read_models.state (code_version, checkpoint) VALUES ($1, 0)"


@asynccontextmanager
async def open_base(dsn: str) -> AsyncIterator[Base]:
    """A pool as the service has it, and a connection that may do anything."""
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    owner = await asyncpg.connect(dsn, server_settings={"search_path": SEARCH_PATH})
    await owner.execute(_GRANT_CREATE)
    try:
        yield Base(dsn, pool, owner)
    finally:
        await owner.close()
        await pool.close()


async def until_it_waits(base: Base, task: asyncio.Task[Any]) -> None:
    """Until somebody waits for the log's lock, which must be *task*."""
    async with asyncio.timeout(20):
        while not await base.owner.fetchval(_WAITING):
            assert not task.done(), task.result()
            await asyncio.sleep(0.005)


_WAITING = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND objid = 7240002 AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Repeat(NamedTuple):
    """What an earlier step said, once more under its id."""

    pick: int


Step = Fact | strategies.Amendment | Repeat


class Plan(NamedTuple):
    """Commands as they are committed together; concurrent ones come through the writer."""

    groups: Sequence[Sequence[Command]]
    is_concurrent: bool

    def __repr__(self) -> str:
        lines = [f"Plan(is_concurrent={self.is_concurrent}:"]
        for i, group in enumerate(self.groups):
            for j, each in enumerate(group):
                for said in each.submissions:
                    number = said.event_id.int if said.event_id else None
                    lines.append(f"  group {i} command {j} event {number}: {said.payload}")
        return "\n".join([*lines, ")"])


# Drawn in two steps: `one_of` would flatten these and give each leaf the same weight.
_STEPS: dict[str, st.SearchStrategy[Step]] = {
    "person": strategies.person_events,
    "lab": strategies.lab_events,
    "register": strategies.register_events,
    "link": st.one_of(
        st.builds(b.same_person, strategies.people, strategies.people),
        st.builds(b.same_lab, strategies.labs, strategies.labs),
    ),
    "amendment": st.builds(
        strategies.Amendment,
        st.integers(0, 30),
        st.sampled_from(["retraction", "retraction", "person", "lab", "register", "link"]).flatmap(
            lambda kind: st.none() if kind == "retraction" else _STEPS[kind]
        ),
    ),
    "repeat": st.builds(Repeat, st.integers(0, 30)),
}
_WEIGHTS = {"person": 8, "lab": 4, "register": 3, "link": 3, "amendment": 7, "repeat": 1}
steps = st.sampled_from([kind for kind, n in _WEIGHTS.items() for _ in range(n)]).flatmap(
    _STEPS.__getitem__
)


def plans(size_max: int = 24) -> st.SearchStrategy[Plan]:
    """Histories of at most *size_max* steps, some of which have to be refused."""
    return st.builds(
        _plan,
        st.one_of(
            st.lists(steps, max_size=6),
            st.lists(steps, min_size=size_max // 3, max_size=size_max),
            st.lists(steps, min_size=size_max // 2, max_size=size_max),
        ),
        st.lists(
            st.sampled_from(["step", "command", "command", "group"]),
            min_size=size_max,
            max_size=size_max,
        ),
        st.booleans(),
    )


def _plan(steps: Sequence[Step], ends: Sequence[str], is_concurrent: bool) -> Plan:
    said: dict[int, Submission] = {}
    groups: list[list[list[Submission]]] = [[[]]]
    for number, step in enumerate(steps, 1):
        one = _submitted(number, step, said)
        if one is not None:
            groups[-1][-1].append(one)
        end = ends[number - 1] if number <= len(ends) else "step"
        if end != "step" and groups[-1][-1]:
            groups[-1].append([])
        if end == "group":
            groups.append([[]])
    return Plan(
        [
            commands
            for group in groups
            if (commands := [command(*submissions) for submissions in group if submissions])
        ],
        is_concurrent,
    )


def _submitted(number: int, step: Step, said: dict[int, Submission]) -> Submission | None:
    payload: Payload
    if isinstance(step, Repeat):
        return said[sorted(said)[step.pick % len(said)]] if said else None
    if isinstance(step, strategies.Amendment):
        targets = [n for n, s in said.items() if not isinstance(s.payload, Correction | Retraction)]
        if not targets:
            return None
        target = targets[step.pick % len(targets)]
        payload = b.retraction(target) if step.event is None else b.correction(target, step.event)
    else:
        payload = step
    said[number] = submission(with_entities(payload), b.event_id(number))
    return said[number]


def with_entities(payload: Payload) -> Payload:
    """*payload* with a name said for each person and lab, so that it can be the first to say so."""
    return with_references(payload, [_entity(r) for r in references(payload)])


def _entity(reference: Reference) -> Ref:
    ref = reference.ref
    if isinstance(ref, str) and not reference.free_text:
        return Entity(id=ref, name=ref.capitalize())
    return ref


class Model:
    """What the log has to hold, decided by the live fold alone."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []

    def admit(self, asked: Command) -> list[Position] | None:
        """The positions of what *asked* says, or None: then nothing of it is recorded."""
        before = list(self.events)
        positions: list[Position] = []
        for one in asked.submissions:
            position = self._admit_one(one)
            if position is None:
                self.events = before
                return None
            positions.append(position)
        return positions

    def _admit_one(self, one: Submission) -> Position | None:
        known = {e.event_id: e.position for e in self.events}
        assert one.event_id is not None, "every step has its number"
        if one.event_id in known:
            return known[one.event_id]
        target: Position | None = None
        if isinstance(one.payload, Correction | Retraction):
            target = known.get(one.payload.target)
            if target is None:
                return None
        event = RecordedEvent(
            position=Position(len(self.events) + 1),
            event_id=one.event_id,
            payload=one.payload,
            target_position=target,
        )
        if not strategies.is_accepted([*self.events, event]):
            return None
        self.events.append(event)
        return event.position


async def carry_out(base: Base, plan: Plan, model: Model | None = None) -> Model:
    """Record *plan*; each command is answered as the model says, which may have been begun."""
    model = model or Model()
    writer = Writer(base.pool, CHANCE)
    if plan.is_concurrent:
        writer.start()
    try:
        for group in plan.groups:
            expected = [model.admit(each) for each in group]
            answers: Iterable[Recorded | BaseException]
            if plan.is_concurrent:
                answers = await asyncio.gather(*map(writer.record, group), return_exceptions=True)
            else:
                answers = await commit_group(base.pool, *group)
            for answer, positions in zip(answers, expected, strict=True):
                assert_answered(answer, positions)
    finally:
        if plan.is_concurrent:
            await writer.stop()
    return model


def assert_answered(answer: Recorded | BaseException, positions: Sequence[Position] | None) -> None:
    """A command was answered with these positions; or refused, where there are none."""
    if positions is None:
        assert isinstance(answer, Refusal), answer
    else:
        assert isinstance(answer, Recorded), answer
        assert [o.event.position for o in answer.outcomes] == positions


def plain(event: RecordedEvent) -> tuple[Position, UUID, Payload, Position | None]:
    """What of an event the model knows too, with ids alone for people and labs."""
    payload = with_references(
        event.payload,
        [
            r.ref if isinstance(r.ref, str) or r.ref.id is None else r.ref.id
            for r in references(event.payload)
        ],
    )
    return event.position, event.event_id, payload, event.target_position
