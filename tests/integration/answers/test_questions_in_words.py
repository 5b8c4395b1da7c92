"""`GET /v1/ask`: each kind of question over the history, answered as its own endpoint does."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import SEED, get, hire, problem, record
from tests.support.postgres import http_client


async def ask(client: httpx.AsyncClient, words: str, **more: Any) -> Any:
    """The answer, which its address gives as well."""
    told = await get(client, "/v1/ask", q=words, **more)
    assert (await get(client, told["href"])) == told["answer"]
    if "first" in told:
        assert (await get(client, told["first_href"])) == told["first"]
    return told


def there(answer: Any) -> dict[str, str]:
    return {member["person"]["id"]: member["presence"] for member in answer["members"]}


async def test_who_was_at_a_lab_on_a_day(reader: httpx.AsyncClient) -> None:
    told = await ask(reader, "who was at DeepMind on 2024-06-01")
    assert told["question"] == {
        "kind": "who",
        "says": "Who was at Google DeepMind on 1 June 2024?",
        "at": "2024-06-01",
        "when": "2024-06-01",
        "lab": {"id": "google-deepmind", "name": "Google DeepMind"},
    }
    assert there(told["answer"])["lucas-beyer"] == "certain"
    assert told["href"] == "/v1/labs/google-deepmind?at=2024-06-01"
    assert "first" not in told


async def test_where_somebody_was_in_a_month(reader: httpx.AsyncClient) -> None:
    """On its last day, and on its first: in between people move."""
    told = await ask(reader, "where was Lucas Beyer in May 2025")
    assert told["question"]["says"] == "Where was Lucas Beyer in May 2025?"
    assert told["question"]["at"] == told["answer"]["at"] == "2025-05-31"
    assert told["first"]["at"] == "2025-05-01"
    for answer in (told["answer"], told["first"]):
        present = [s["lab"]["id"] for s in answer["stints"] if s["presence"] == "certain"]
        assert present == ["openai"]


async def test_time_in_which_somebody_moved_is_answered_at_both_ends(
    reader: httpx.AsyncClient,
) -> None:
    told = await ask(reader, "where was Lucas Beyer in December 2024")
    first, last = (
        {stint["lab"]["id"]: stint["presence"] for stint in answer["stints"] if stint["presence"]}
        for answer in (told["first"], told["answer"])
    )
    assert first == {"google-deepmind": "certain"}
    assert "google-deepmind" not in last
    assert "openai" in last


@pytest.mark.parametrize(
    ("words", "kind", "one"),
    [
        ("DeepMind", "lab", "google-deepmind"),
        ("GDM?", "lab", "google-deepmind"),
        ("lucas beyer", "person", "lucas-beyer"),
        ("林俊旸", "person", "junyang-lin"),
        ("who is at mistral ai", "who", "mistral-ai"),
        ("where is Lin Junyang now", "where", "junyang-lin"),
    ],
)
async def test_now_is_today(
    words: str, kind: str, one: str, reader: httpx.AsyncClient, made: Machinery
) -> None:
    told = await ask(reader, words)
    question = told["question"]
    assert (question["kind"], question["at"]) == (kind, made.today().isoformat())
    assert (question.get("lab") or question["person"])["id"] == one


async def test_time_that_is_not_over_is_answered_for_today(
    reader: httpx.AsyncClient, made: Machinery
) -> None:
    today = made.today()
    told = await ask(reader, f"who was at OpenAI between 2015 and {today.year + 1}")
    assert (told["first"]["at"], told["answer"]["at"]) == ("2015-01-01", today.isoformat())
    yesterday = await ask(reader, "who was at OpenAI yesterday")
    assert yesterday["answer"]["at"] == (today - timedelta(days=1)).isoformat()


async def test_who_moved_from_lab_to_lab(reader: httpx.AsyncClient) -> None:
    told = await ask(reader, "moves from DeepMind to OpenAI in December 2024")
    assert told["question"]["kind"] == "moves"
    assert told["question"]["says"] == "Moves from Google DeepMind to OpenAI in December 2024?"
    assert told["question"]["from_lab"]["id"] == "google-deepmind"
    assert told["question"]["to_lab"]["id"] == "openai"
    assert told["href"] == (
        "/v1/moves?from_lab=google-deepmind&to_lab=openai&from=2024-12-01&to=2024-12-31"
        "&at=2024-12-31"
    )
    moved = {move["person"]["id"] for move in told["answer"]["items"]}
    assert "lucas-beyer" in moved


async def test_moves_of_all_times_go_on_at_their_address(client: httpx.AsyncClient) -> None:
    """Where there are more than a page holds."""
    stays: list[dict[str, Any]] = []
    for number in range(130):
        one = {"id": f"p-{number}", "name": f"P {number}"}
        stays += [
            hire(person=one, date="2020-01-01"),
            {"type": "departure", "person": one["id"], "lab": "engines", "date": "2021-01-01"},
            hire(person=one["id"], lab="y", date="2021-02-01"),
        ]
    await record(client, *SEED, *stays)
    told = await ask(client, "moves from engines to Lab Y")
    assert len(told["answer"]["items"]) == 100
    following = f"{told['href']}&cursor={told['answer']['next']}"
    rest = await get(client, following)
    assert len(rest["items"]) == 30
    assert rest["next"] is None


async def test_lab_is_called_as_on_the_day(reader: httpx.AsyncClient) -> None:
    told = await ask(reader, "who was at google-deepmind in 2019")
    assert told["question"]["says"] == "Who was at DeepMind in 2019?"


async def test_answer_is_as_known_and_as_published(client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    words = "who was at Analytical Engines on 2020-01-15"
    now = await ask(client, words)
    then = await ask(client, words, known_at=1)
    assert (there(now["answer"]), there(then["answer"])) == ({}, {"ada": "possible"})
    assert then["href"] == "/v1/labs/engines?at=2020-01-15&known_at=1"
    public = await ask(client, words, published_by="2020-01-01", known_at=1)
    assert there(public["answer"]) == {}
    assert public["href"].endswith("&known_at=1&published_by=2020-01-01")


@pytest.mark.parametrize(
    ("words", "is_lasting"),
    [
        ("who was at engines on 2021-01-01", True),
        ("where was ada in 2021", True),
        ("moves from engines to y in 2021", True),
        ("moves from engines to y", False),
        ("who is at engines", False),
        ("engines", False),
        ("where was ada between 2021 and 2190", False),
    ],
)
async def test_answer_stays_where_neither_time_moves(
    words: str, is_lasting: bool, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    path = f"/v1/ask?q={quote(words)}"
    now, known = await client.get(path), await client.get(f"{path}&known_at=8")
    assert now.headers["cache-control"] == "no-cache"
    assert known.headers["cache-control"] == (
        "max-age=86400, immutable" if is_lasting else "no-cache"
    )
    assert ('rel="memento"' in now.headers["link"]) == is_lasting
    for answer in (now, known):
        tags = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get(str(answer.request.url), headers=tags)).status_code == 304


async def test_kept_answer_is_of_the_day_on_which_it_is_told(
    client: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record(client, *SEED)
    monkeypatch.setattr(type(made), "today", lambda _: date(2024, 1, 31))
    async with http_client(made, None) as anybody:
        for _ in range(3):
            assert (await ask(anybody, "who is at engines"))["answer"]["at"] == "2024-01-31"
        monkeypatch.setattr(type(made), "today", lambda _: date(2024, 2, 1))
        assert (await ask(anybody, "who is at engines"))["answer"]["at"] == "2024-02-01"


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("who was at Deepmnd on 2024-06-01", "google-deepmind"),
        ("where was Lucas Bayer in 2024", "lucas-beyer"),
        ("moves from OpenAI to Anthropik in 2024", "anthropic"),
    ],
)
async def test_name_that_is_nobodys_has_near_ones(
    words: str, near: str, reader: httpx.AsyncClient
) -> None:
    refused = await reader.get("/v1/ask", params={"q": words})
    told = problem(refused, 422, "unknown_name_in_query")
    assert told.parameter == "q"
    assert near in {one.id for one in told.suggestions}


@pytest.mark.parametrize("words", ["Deepmnd", "Lucas Bayer", "how many people are there", "who"])
async def test_what_is_neither_name_nor_question_shows_examples(
    words: str, reader: httpx.AsyncClient
) -> None:
    told = problem(await reader.get("/v1/ask", params={"q": words}), 422, "not_understood")
    assert "who was at DeepMind on 2024-06-01" in told.examples
    if words in ("Deepmnd", "Lucas Bayer"):
        near = {one.id for one in told.suggestions}
        assert near & {"google-deepmind", "lucas-beyer"}
        assert "near names" in told.detail


async def test_every_example_has_an_answer(reader: httpx.AsyncClient) -> None:
    told = problem(await reader.get("/v1/ask", params={"q": "who was at"}), 422, "not_understood")
    assert told.examples
    for words in told.examples:
        await ask(reader, words)


async def test_name_of_several_is_refused_with_them(client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    for words in ("Wei Wang", "where was Wei Wang in 2024"):
        told = problem(await client.get("/v1/ask", params={"q": words}), 409, "ambiguous_name")
        assert {one.id for one in told.candidates} == {"wei-wang", "wei-wang-2"}


async def test_name_of_a_lab_and_a_person_is_the_labs(client: httpx.AsyncClient) -> None:
    await record(client, *SEED, hire(person={"id": "x-ada", "name": "Lab X"}))
    assert (await ask(client, "Lab X"))["question"]["kind"] == "lab"
    assert (await ask(client, "where was Lab X in 2024"))["question"]["person"]["id"] == "x-ada"


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=x&q=y", "?q=x&at=2024-01-01", "?q=%00"])
async def test_query_that_asks_nothing_is_refused(query: str, client: httpx.AsyncClient) -> None:
    problem(await client.get(f"/v1/ask{query}"), 422, "bad_parameter")
