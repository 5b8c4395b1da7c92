"""What hostile names and notes look like on their way out: bodies, headers, log lines."""

import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from service import formats, observability
from service.api.routes import OPERATIONS
from tests.integration.api.asking import get, record
from tests.support.nasty import ALL, NASTY, acting

HIRED = "00000000-0000-4000-8000-00000000aaaa"
TEXTS = [*NASTY.values(), ALL]
_IN_A_HEADER = re.compile(rb"[\x20-\x7e]*")


def events() -> Iterator[dict[str, Any]]:
    """One hire for each text, which is in every place that takes text."""
    for number, text in enumerate(TEXTS):
        said = {
            "type": "hire",
            "person": {
                "id": f"p-{number}",
                "name": f"P{number} {text}",
                "aliases": [f"Q{number}{text}"],
            },
            "lab": {"id": f"l-{number}", "name": f"L{number} {text}"},
            "date": "2020",
            "role": text,
            "note": text,
            "sources": [{"url": f"https://example.org/{quote(text, safe='')}", "title": text}],
        }
        yield said | ({"event_id": HIRED} if text is ALL else {})


@pytest.fixture
async def nasty(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds them all."""
    await record(client, *events())
    said = {"type": "hire", "person": f"p-{len(NASTY)}", "lab": f"l-{len(NASTY)}", "date": "2021"}
    await record(
        client,
        {"type": "correction", "target": HIRED, "reason": ALL, "event": said | {"note": ALL}},
    )
    return client


def paths() -> Iterator[str]:
    """Each question that has an answer, of each of them; each of them as a name that nobody has."""
    ids = {"event_id": [HIRED], "replay_id": ["none"]}
    for operation in OPERATIONS:
        # A stream has no end; `test_following` looks at what it tells.
        if operation.method != "GET" or operation.id == "followLog":
            continue
        if "{" not in operation.path:
            yield operation.path
            continue
        for number, text in enumerate(TEXTS):
            names = {
                "lab": [f"l-{number}", f"L{number} {text}", f"no {text}"],
                "person": [f"p-{number}", f"P{number} {text}", f"no {text}"],
                **ids,
            }
            for i in range(3):
                filled = operation.path
                for name, values in names.items():
                    said = quote(values[min(i, len(values) - 1)], safe="")
                    filled = filled.replace(f"{{{name}:str}}", said)
                yield filled + ("?from=2019&to=2021" if filled.endswith("/changes") else "")


def questions() -> Iterator[str]:
    """Names and questions in words of each of them."""
    for number, text in enumerate(TEXTS):
        for words in (
            text,
            f"L{number} {text}",
            f"who was at L{number} {text} in 2021",
            f"where was P{number} {text} on {text}",
            f"moves from L{number} {text} to {text} in 2020",
        ):
            yield f"/v1/ask?q={quote(words, safe='')}"


async def test_answers_tell_hostile_texts_as_they_are_and_act_on_nobody(
    nasty: httpx.AsyncClient,
) -> None:
    """JSON that says what was said, under headers in which nothing but plain text stands."""
    statuses = set()
    for path in dict.fromkeys((*paths(), *questions())):
        response = await nasty.get(path)
        statuses.add(response.status_code)
        assert response.status_code in (200, 404, 409, 422), (path, response.text)
        assert response.headers["content-type"].partition(";")[0] in (
            "application/json",
            "application/problem+json",
            "application/x-ndjson",
        ), path
        assert response.headers["x-content-type-options"] == "nosniff"
        for name, value in response.headers.raw:
            assert _IN_A_HEADER.fullmatch(value), (path, name, value)
        for line in response.text.split("\n") if path.endswith("export") else [response.text]:
            assert not line or json.loads(line) is not None
    assert statuses >= {200, 404}
    for number, text in enumerate(TEXTS):
        hired = next(e for e in await events_of(nasty, f"p-{number}") if e["type"] == "hire")
        assert hired["note"] == text
        assert hired["role"] == text
        assert hired["sources"][0]["title"] == text


def test_no_format_is_there_that_is_not_looked_at() -> None:
    """Each has a test of its own beside the others of formats, which shows it hostile texts."""
    looked_at = {"atom", "csv", "json_ld", "outside_ids"}
    # What is in tables, and that they are JSON: the latter escapes, the former is given to both.
    others = {"records", "tables"}
    assert {module.name for module in pkgutil.iter_modules(formats.__path__)} == looked_at | others


async def events_of(client: httpx.AsyncClient, person: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(client, "/v1/events", person=person))["items"]
    return found


@pytest.mark.parametrize("for_people", [True, False])
async def test_log_lines_act_on_nobody(
    nasty: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], *, for_people: bool
) -> None:
    """A line a request, whatever its path is and whatever its headers say."""
    observability.configure_logs(for_people=for_people)
    capsys.readouterr()
    asked = [f"/v1/people/{quote(f'no {text}', safe='')}" for text in NASTY.values()]
    asked += ["/%ff%fe", "/%1b%5d0;owned%07", "/%0a%7b%7d", "/%c2%9b31m"]
    for path in asked:
        await nasty.get(path, headers={"X-Request-Id": "a\x1b[31m"})
    told = capsys.readouterr().err
    assert acting(told) == []
    assert told.count("\n") == len(asked)
    assert told.splitlines() == told.removesuffix("\n").split("\n"), "nothing else ends a line"
