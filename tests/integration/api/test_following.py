"""The live stream of the log: each event once and in order, from wherever a client begins."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from asyncpg import InterfaceError

from service.answers import events as answers
from service.answers import following as follower
from service.api import following as api
from service.api import subscribers
from service.api.operations import Machinery
from service.api.routes import OPERATIONS
from service.read_models.current import Current
from tests.integration.api.asking import HIRED, SEED, get, hire, problem, record
from tests.support.answering import answering
from tests.support.nasty import ALL
from tests.support.postgres import http_client
from tests.support.subscribers import Comment, Heard, following, hear

STREAM = "/v1/log/stream"
REST_SECONDS = 20


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(follower, "PAUSE_SECONDS", 0.02)


@pytest.fixture
async def served(made: Machinery) -> AsyncIterator[httpx.AsyncClient]:
    """An admin of a server that holds the seed."""
    async with http_client(made, "admin") as inside:
        await record(inside, *SEED)
    async with (
        answering(made) as (host, port),
        httpx.AsyncClient(
            base_url=f"http://{host}:{port}", headers={"Authorization": "Bearer admin"}
        ) as client,
    ):
        yield client


def positions(told: list[Heard]) -> list[int]:
    return [one.position for one in told]


async def test_stream_tells_what_is_there_and_what_comes(served: httpx.AsyncClient) -> None:
    async with following(served) as stream:
        before = await hear(stream, len(SEED))
        await record(served, hire(date="2024-01"), hire(date="2025"))
        after = await hear(stream, 2)
    assert positions(before + after) == [*range(1, len(SEED) + 3)]
    assert len({one.id for one in before + after}) == len(SEED) + 2


async def test_event_is_told_as_it_reads(served: httpx.AsyncClient) -> None:
    """With the names of today, and the position of what was said about it last."""
    async with following(served) as stream:
        told = await hear(stream, len(SEED))
    items = (await get(served, "/v1/events"))["items"]
    assert [one.event for one in told] == items
    assert told[0].event["revision"] == len(SEED)


@pytest.mark.parametrize("is_followed", [True, False], ids=["meanwhile", "not meanwhile"])
async def test_who_comes_later_is_told_what_reads_then(
    is_followed: bool, served: httpx.AsyncClient, made: Machinery
) -> None:
    """Nothing that was read for those before is told again once the head has moved."""
    async with contextlib.AsyncExitStack() as opened:
        stream = await opened.enter_async_context(following(served))
        await hear(stream, len(SEED))
        if not is_followed:
            await opened.aclose()
            await until(lambda: made.follower._watching is None or made.follower._watching.done())
        await served.put(f"/v1/events/{HIRED}/retraction", json={"reason": "nobody came"})
        if is_followed:
            await hear(stream, 1)
        async with following(served) as other:
            told = await hear(other, len(SEED) + 1)
    assert [one.event for one in told] == (await get(served, "/v1/events"))["items"]
    assert told[0].event["revision"] == len(SEED) + 1


async def test_correction_is_told_as_an_event_of_its_own(served: httpx.AsyncClient) -> None:
    async with following(served, after=len(SEED)) as stream:
        await served.put(f"/v1/events/{HIRED}/retraction", json={"reason": "nobody came"})
        (told,) = await hear(stream, 1)
    assert (told.event["type"], told.event["target"]) == ("retraction", HIRED)


@pytest.mark.parametrize("after", [0, 1, len(SEED) - 1])
async def test_stream_goes_on_after_what_was_read_last(
    after: int, served: httpx.AsyncClient
) -> None:
    async with following(served) as stream:
        told = await hear(stream, len(SEED))
    rest = [*range(after + 1, len(SEED) + 1)]
    ways: list[dict[str, Any]] = [{"after": after}, {"last": str(after)}]
    if after:
        # As a browser comes back: to the same address, with the id besides.
        ways += [{"last": told[after - 1].id}, {"last": told[after - 1].id, "after": 0}]
    for way in ways:
        async with following(served, **way) as stream:
            assert positions(await hear(stream, len(rest))) == rest


@pytest.mark.parametrize(
    ("bound", "number"),
    [("PAGE_EVENTS", 1), ("PAGE_EVENTS", 3), ("PAGE_BYTES", 1), ("PAGE_BYTES", 700)],
)
async def test_pages_join_without_a_seam(
    bound: str, number: int, served: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, bound, number)
    async with following(served) as stream:
        assert positions(await hear(stream, len(SEED))) == [*range(1, len(SEED) + 1)]


async def test_those_at_one_place_are_read_for_once(
    served: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: neither a connection nor a look at the log for each."""
    read: list[int] = []
    events = answers.events

    async def counted(*args: Any, **how: Any) -> Any:
        read.append(how["after"])
        return await events(*args, **how)

    monkeypatch.setattr(follower, "events", counted)
    async with contextlib.AsyncExitStack() as opened:
        streams = [
            await opened.enter_async_context(following(served, after=len(SEED))) for _ in range(40)
        ]
        for number in range(3):
            await record(served, hire(date=f"{2020 + number}"))
            for stream in streams:
                assert positions(await hear(stream, 1)) == [len(SEED) + 1 + number]
        assert made.pool.get_size() <= 10
    assert read == [len(SEED) + number for number in range(3)]


async def test_silence_is_filled(
    served: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "HEARTBEAT_SECONDS", 0.05)
    async with following(served, after=len(SEED)) as stream, asyncio.timeout(REST_SECONDS):
        told = [await anext(stream) for _ in range(3)]
        assert told == [Comment("retry: 2000"), *[Comment(": nothing new")] * 2]
        await record(served, hire())
        assert positions(await hear(stream, 1)) == [len(SEED) + 1]


@pytest.mark.parametrize(
    ("query", "last"),
    [
        ("?after=99", None),
        ("?after=-1", None),
        ("?after=1&after=2", None),
        ("?until=5", None),
        ("", "99"),
        ("", "-1"),
        ("", "nonsense"),
        ("", "\u00e9".encode()),
        ("", "MTIzLjAuNS5mb2xsb3c"),
    ],
)
async def test_place_that_is_none_is_refused(
    query: str, last: Any, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    headers = {} if last is None else {b"Last-Event-ID": last}
    told = problem(await client.get(STREAM + query, headers=headers), 422, "bad_parameter")
    assert told.parameter == ("Last-Event-ID" if last else query[1:].split("=", maxsplit=1)[0])


async def test_cursor_of_a_list_is_no_place(client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    cursor = (await get(client, "/v1/events", limit=1))["next"]
    refused = await client.get(STREAM, headers={"Last-Event-ID": cursor})
    problem(refused, 422, "bad_parameter")


async def test_id_of_another_epoch_is_refused(served: httpx.AsyncClient, made: Machinery) -> None:
    """Events after it may have been taken back: nobody goes on as if nothing had happened."""
    async with following(served) as stream:
        told = await hear(stream, 3)
    async with made.pool.acquire() as connection:
        await connection.execute("RESET ROLE")
        await connection.execute("UPDATE log_identity SET epoch = epoch + 1")
        await connection.execute("SET ROLE timeline_service")
        identity = made.identity
        made.identity = type(identity)(identity.log_id, identity.epoch + 1)
    refused = await served.get(STREAM, headers={"Last-Event-ID": told[-1].id})
    assert "restore" in problem(refused, 422, "bad_parameter").detail


async def test_head_is_answered_at_once(served: httpx.AsyncClient, made: Machinery) -> None:
    head = await served.head(STREAM)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")
    assert head.headers["log-position"] == str(len(SEED))
    assert head.headers["cache-control"] == "no-store"
    assert made.subscribers.number == 0


async def test_beyond_a_number_is_told_to_come_again(
    served: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "SUBSCRIBERS_MAX", 2)
    async with following(served) as first, following(served):
        refused = await served.get(STREAM)
        problem(refused, 503, "too_many_subscribers")
        assert refused.headers["retry-after"] == "10"
        assert (await served.head(STREAM)).status_code == 200
        assert "timeline_subscribers 2.0" in (await served.get("/metrics")).text.splitlines()
        await hear(first, len(SEED))
    await until(lambda: made.subscribers.number == 0)
    async with following(served) as again:
        await hear(again, len(SEED))


async def test_who_hangs_up_leaves_nothing_behind(
    served: httpx.AsyncClient, made: Machinery
) -> None:
    for _ in range(5):
        async with following(served, after=len(SEED)) as stream:
            await anext(stream)
    await until(lambda: made.subscribers.number == made.follower._following == 0)
    await until(lambda: made.follower._watching is None or made.follower._watching.done())


async def test_key_that_ends_ends_its_stream(
    served: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where reading needs a key: nothing that came after its end is told."""
    made.read_keys_required = True
    created = await served.post("/v1/keys", json={"name": "reader", "role": "reader"})
    key = {"Authorization": f"Bearer {created.json()['key']}"}
    async with (
        following(served, after=len(SEED), headers=key) as stream,
        following(served, after=len(SEED)) as other,
    ):
        await record(served, hire())
        assert positions(await hear(stream, 1)) == [len(SEED) + 1]
        assert (await served.delete("/v1/keys/reader")).status_code == 204
        await record(served, hire(date="2025"))
        with pytest.raises(StopAsyncIteration):
            await hear(stream, 1)
        assert positions(await hear(other, 2)) == [len(SEED) + 1, len(SEED) + 2]
    async with served.stream("GET", STREAM, headers={"Authorization": ""}) as refused:
        assert refused.status_code == 401


async def test_stream_goes_on_when_the_database_comes_back(
    served: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a look at the head nor a page that fails ends it, or leaves anything out."""
    current, events = made.memory.current, answers.events
    faults: list[str] = []

    async def not_looked() -> Current:
        if len(faults) < 3:
            faults.append("look")
            raise InterfaceError("the connection is closed")
        return await current()

    async def not_read(*args: Any, **how: Any) -> Any:
        if len(faults) < 6:
            faults.append("page")
            raise ConnectionResetError
        return await events(*args, **how)

    async with following(served, after=len(SEED)) as stream:
        await anext(stream)
        monkeypatch.setattr(made.memory, "current", not_looked)
        monkeypatch.setattr(follower, "events", not_read)
        await until(lambda: len(faults) == 3)
        await record(served, hire())
        assert positions(await hear(stream, 1)) == [len(SEED) + 1]
    assert faults == ["look"] * 3 + ["page"] * 3


async def test_event_is_one_line_whatever_it_says(served: httpx.AsyncClient) -> None:
    await record(served, hire(note=ALL, role=ALL))
    async with served.stream("GET", STREAM, params={"after": str(len(SEED))}) as response:
        begun = b""
        async with asyncio.timeout(REST_SECONDS):
            async for chunk in response.aiter_bytes():
                begun += chunk
                if begun.count(b"\n\n") == 2:
                    break
    retry, told, rest = begun.split(b"\n\n")
    assert (retry, rest) == (b"retry: 2000", b"")
    assert b"\r" not in told
    assert [line.split(b": ")[0] for line in told.split(b"\n")] == [b"id", b"data"]


async def until(holds: Any, seconds: float = REST_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (other tasks make it so)
            await asyncio.sleep(0.01)


def test_stream_is_for_the_moment() -> None:
    """Nobody keeps it, and no tag says that it still holds."""
    (operation,) = [one for one in OPERATIONS if one.id == "followLog"]
    assert not operation.is_validated
    assert not operation.is_kept
