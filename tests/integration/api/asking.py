"""What tests of the HTTP contract share: a few events to begin with, and the shape of refusals."""

from typing import Any

import httpx
import msgspec

from service.api.problems import MEDIA_TYPE, ProblemDocument

HIRED = "00000000-0000-4000-8000-000000000001"
CORRECTED = "00000000-0000-4000-8000-000000000002"
UNKNOWN = "00000000-0000-4000-8000-00000000dead"

SEED: list[dict[str, Any]] = [
    {
        "type": "hire",
        "person": {"id": "ada", "name": "Ada Lovelace"},
        "lab": {"id": "engines", "name": "Analytical Engines"},
        "date": "2020",
        "event_id": HIRED,
    },
    {"type": "profile", "person": {"id": "wei-wang", "name": "Wei Wang"}},
    {"type": "profile", "person": {"id": "wei-wang-2", "name": "Wei Wang"}},
    {"type": "profile", "lab": {"id": "x", "name": "Lab X"}},
    {"type": "profile", "lab": {"id": "y", "name": "Lab Y"}},
    {"type": "merger", "absorbed": ["x"], "lab": "y", "date": "2021"},
    {"type": "same_as", "person": {"id": "a-lovelace", "name": "A. Lovelace"}, "into": "ada"},
    {
        "type": "correction",
        "target": HIRED,
        "reason": "misread",
        "event": {"type": "hire", "person": "ada", "lab": "engines", "date": "2020-02"},
        "event_id": CORRECTED,
    },
]


def hire(**said: Any) -> dict[str, Any]:
    """A hire that the service takes once the seed is recorded, with what *said* changes in it."""
    return {"type": "hire", "person": "ada", "lab": "engines", "date": "2024-01-10"} | said


async def record(client: httpx.AsyncClient, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """The events as recorded, all in one request."""
    response = await client.post("/v1/events", json=list(events))
    assert response.status_code == 201, response.text
    recorded: list[dict[str, Any]] = response.json()["events"]
    return recorded


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    """The body of an answer."""
    response = await client.get(path, params=params or None)
    assert response.status_code == 200, response.text
    return response.json()


async def position(client: httpx.AsyncClient) -> int:
    """The head."""
    found: int = (await get(client, "/v1/log"))["position"]
    return found


def problem(response: httpx.Response, status: int, code: str | None = None) -> ProblemDocument:
    """The problem document, which is whole and of the one shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    told = msgspec.json.decode(response.content, type=ProblemDocument)
    assert told.status == status
    assert told.type
    assert told.title
    assert told.detail.endswith("."), told.detail
    if code is not None:
        assert told.type == f"urn:lab-timeline:problem:{code}"
    return told


def pointers(told: ProblemDocument) -> list[str]:
    """Where the faults stand, each with a message that says what and what would do."""
    assert all(fault.message.endswith(".") for fault in told.errors), told.errors
    return [fault.pointer for fault in told.errors]
