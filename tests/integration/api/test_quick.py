"""The short way says what the long one says, and what is kept is told while it stands."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.answers.kept import Kept, Standing
from service.api.kept import KeptAnswer, KeptAnswers, Question, question_of
from service.api.operations import Machinery
from service.app import machinery
from service.log.append import Head
from service.read_models.current import Made
from service.settings import Settings
from tests.integration.api.asking import SEED, hire, record
from tests.support.postgres import http_client

ENGINES = "/v1/labs/engines"
ASKED = [
    ENGINES,
    "/v1/labs/Analytical%20Engines?at=2021-01-01",
    "/v1/labs/ANALYTICAL%20engines?at=2021-01-01&known_at=3",
    "/v1/labs/x?at=2021-01-01&known_at=4",
    "/v1/labs/x?at=2021-01-01&known_at=1",
    "/v1/labs/Lab%2FX",
    "/v1/labs/engines?presence=presumed&relation=employee",
    "/v1/labs/engines?at=2021-01-01&published_by=2020-01-01",
    "/v1/labs/engines?at=yesterday",
    "/v1/labs/engines?nothing=1",
    "/v1/labs/engines?known_at=99",
    "/v1/labs/%00",
    "/v1/labs/%FF",
    "/v1/labs/nowhere",
    "/v1/people/ada",
    "/v1/labs?limit=2",
]


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """An admin of a log that holds the seed."""
    await record(client, *SEED)
    return client


@pytest.fixture
async def elsewhere(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another process on the same database, without a key."""
    async with (
        machinery(Settings(database_url=database, data_dir=tmp_path), database) as made,
        http_client(made, None) as client,
    ):
        yield client


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    "headers",
    [{}, {"If-None-Match": "*"}, {"Accept-Datetime": "Sun, 01 Nov 2099 09:00:00 GMT"}],
    ids=["plain", "if-none-match", "accept-datetime"],
)
async def test_both_ways_say_the_same(
    asked: str, headers: dict[str, str], told: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    """A request with a key takes the long way; the second one without is answered from what is kept."""
    long = await told.get(asked, headers=headers)
    for _ in range(2):
        quick = await anonymous.get(asked, headers=headers)
        assert _told(quick) == _told(long)
        head = await anonymous.head(asked, headers=headers)
        assert (head.status_code, _headers(head), head.content) == (
            long.status_code,
            _headers(long),
            b"",
        )


async def test_what_another_process_recorded_is_in_the_next_answer(
    told: httpx.AsyncClient, elsewhere: httpx.AsyncClient
) -> None:
    for number in range(2, 6):
        await record(told, hire(person={"name": f"Charles {number}"}))
        for _ in range(2):
            answer = await elsewhere.get(ENGINES, params={"at": "2024-06-01"})
            assert len(answer.json()["members"]) == number
            assert answer.headers["Log-Position"] == str(len(SEED) + number - 1)


async def test_an_answer_is_kept_until_the_head_moves(
    told: httpx.AsyncClient, anonymous: httpx.AsyncClient, made: Machinery
) -> None:
    first = await anonymous.get(ENGINES)
    question = question_of({"raw_path": b"/v1/labs/engines", "query_string": b"", "headers": []})
    assert made.kept.find(question) is None, "most questions are asked once"
    assert (await anonymous.get(ENGINES)).content == first.content
    kept = made.kept.find(question)
    assert kept is not None
    assert kept.body == first.content
    await record(told, {"type": "profile", "person": {"name": "Somebody Else"}})
    second = await anonymous.get(ENGINES)
    again = made.kept.find(question)
    assert again is not None
    assert again.body == second.content != first.content
    assert second.headers["ETag"] != first.headers["ETag"]


async def test_a_revoked_key_is_refused_though_the_answer_is_kept(
    told: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    created = await told.post("/v1/keys", json={"name": "reader", "role": "reader"})
    bearer = {"Authorization": f"Bearer {created.json()['key']}"}
    assert (await anonymous.get(ENGINES)).status_code == 200
    assert (await anonymous.get(ENGINES, headers=bearer)).status_code == 200
    assert (await told.delete("/v1/keys/reader")).status_code in (200, 204)
    assert (await anonymous.get(ENGINES, headers=bearer)).status_code == 401


async def test_nothing_kept_is_told_where_reading_needs_a_key(
    told: httpx.AsyncClient, anonymous: httpx.AsyncClient, made: Machinery
) -> None:
    assert (await anonymous.get(ENGINES)).status_code == 200
    made.read_keys_required = True
    assert (await anonymous.get(ENGINES)).status_code == 401


def test_least_asked_answers_go_first(made: Machinery) -> None:
    standing = Standing(Head(), Made(1, 0, None), made.today())
    kept: KeptAnswers = Kept(weight_max=40_000)
    for number in range(30):
        for _ in range(2):
            kept.keep(_question(number), KeptAnswer("getLab", 200, (), b"x" * 500, standing))
        assert kept.find(_question(0)) is not None, "the one that is asked for stays"
    assert kept.find(_question(1)) is None
    assert kept.find(_question(29)) is not None
    for _ in range(2):
        kept.keep(_question(99), KeptAnswer("getLab", 200, (), b"x" * 20_000, standing))
    assert kept.find(_question(99)) is None, "one answer does not drive out all others"


def test_questions_asked_once_are_forgotten_in_turn(
    made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.answers.kept.ASKED_ONCE_MAX", 3)
    answer = KeptAnswer("getLab", 200, (), b"", Standing(Head(), Made(1, 0, None), made.today()))
    kept: KeptAnswers = Kept(weight_max=40_000)
    for number in (*range(5), 4, 0):
        kept.keep(_question(number), answer)
    assert kept.find(_question(4)) == answer
    assert kept.find(_question(0)) is None


def _question(number: int) -> Question:
    return (b"/v1/labs/x", b"at=%d" % number, ())


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    content = answer.content
    if answer.status_code >= 400:
        # Problems tell the id of their request.
        content = b""
    return answer.status_code, _headers(answer), content


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {n: v for n, v in answer.headers.items() if n not in ("x-request-id", "date")}
