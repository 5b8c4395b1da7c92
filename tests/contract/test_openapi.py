"""The OpenAPI document: committed, whole, and true of every answer."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from service.answers.events import RecordedAnswer
from service.api.examples import ANSWERS
from service.api.openapi import document, public_path
from service.api.operations import Operation
from service.api.problems import MEDIA_TYPE, PROBLEMS, ProblemDocument
from service.api.routes import OPERATIONS
from tests.contract.history import EVENT_ID
from tests.contract.write_openapi import GOLDEN, as_committed

JSON = "application/json"
DOCUMENT = document()
BY_ID = {operation.id: operation for operation in OPERATIONS}
DESCRIBED = {
    described["operationId"]: described
    for methods in DOCUMENT["paths"].values()
    for described in methods.values()
}
GETS = {op.id: op for op in OPERATIONS if op.method == "GET" and op.media_type == JSON}
ASKED = {
    "lab": ["deepmind", "Brain", "Qwen%2FTongyi", "lab-x"],
    "person": ["lucas-beyer", "林俊旸", "l-beyer", "Ann"],
    "event_id": [EVENT_ID],
}
"""What a GET is asked for, by the name in its path."""
NEEDED = {
    "ask": [
        "q=who was at Brain on 2022-01-01",
        "q=who was at GDM in 2023&known_at=9",
        "q=where was l-beyer between May 2018 and 1 June 2024",
        "q=moves from Brain to GDM in 2023",
        "q=moves from qwen/tongyi to Lab X&known_at=20",
        "q=林俊旸",
        "q=Lab X&published_by=2020-01-01",
    ],
    "getLabChanges": ["from=2020-01-01&to=2023-06-01", "known_from=5&known_to=9&at=2023-06-01"],
}
"""The queries of a GET that answers none without one."""

_ADMIN = {"Authorization": "Bearer admin", "Accept": "application/json"}

operations = pytest.mark.parametrize("operation_id", BY_ID)


def test_document_is_as_committed() -> None:
    """A change is a reviewed diff: `python -m tests.contract.write_openapi` writes it anew."""
    assert GOLDEN.read_text(encoding="utf-8") == as_committed()


async def test_document_is_served(anonymous: httpx.AsyncClient) -> None:
    served = await anonymous.get("/schema/openapi.json")
    assert served.headers["content-type"].startswith("application/json")
    assert served.json() == json.loads(as_committed())


def test_document_says_its_version_and_resolves_its_references() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemas = DOCUMENT["components"]["schemas"]
    wanted = {ref.removeprefix("#/components/schemas/") for ref in _references(DOCUMENT)}
    assert wanted <= schemas.keys()
    for name in schemas:
        jsonschema_rs.meta.validate(_whole({"$ref": f"#/components/schemas/{name}"}))


def test_fields_say_in_the_document_what_they_say_in_code() -> None:
    """Of structs within others too, under the names of the wire, and whatever the field holds."""
    schemas = DOCUMENT["components"]["schemas"]
    said = {
        ("LabView", "successor"): "or is so after the day",
        ("Member", "since"): "as written (EDTF)",
        ("MoveView", "is_next"): "every reading of the dates",
        ("Hire", "certainty"): "`rumoured` stays out of the fold",
    }
    for (struct, field), words in said.items():
        assert words in schemas[struct]["properties"][field]["description"]


def test_every_operation_is_described_once() -> None:
    assert DESCRIBED.keys() == BY_ID.keys()
    assert len(OPERATIONS) == len(BY_ID)


@operations
def test_operation_says_what_it_is(operation_id: str) -> None:
    described = DESCRIBED[operation_id]
    assert described["summary"].endswith(".")
    assert described["tags"]
    assert all(parameter["description"] for parameter in described["parameters"])
    assert all(parameter["schema"]["type"] for parameter in described["parameters"])


@operations
def test_operation_describes_each_parameter(operation_id: str) -> None:
    operation, described = BY_ID[operation_id], DESCRIBED[operation_id]
    named = {(p["in"], p["name"]) for p in described["parameters"]}
    assert named >= {("query", param.name) for param in operation.params}
    assert named >= {("header", name) for name in operation.headers}
    assert {name for where, name in named if where == "path"} == set(_in_path(operation))


@operations
def test_operation_has_examples_that_its_schemas_take(operation_id: str) -> None:
    described = DESCRIBED[operation_id]
    if "requestBody" in described:
        _check_example(described["requestBody"]["content"]["application/json"])
    answer = described["responses"][str(BY_ID[operation_id].status)]
    if BY_ID[operation_id].answer is None:
        assert "content" not in answer
    else:
        _check_example(answer["content"][BY_ID[operation_id].media_type])


@operations
def test_operation_names_its_problems(operation_id: str) -> None:
    operation, responses = BY_ID[operation_id], DESCRIBED[operation_id]["responses"]
    for refusal in operation.refusals:
        problem = responses[str(PROBLEMS[refusal].status)]
        example = problem["content"][MEDIA_TYPE]["examples"][refusal.code]["value"]
        assert example["type"].endswith(f":{refusal.code}")
        assert example["detail"].endswith(".")
    for status, response in responses.items():
        for example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).values():
            told = msgspec.convert(example["value"], ProblemDocument)
            assert told.status == int(status)


@pytest.mark.parametrize("operation_id", [op.id for op in OPERATIONS if op.is_reading])
def test_example_is_one_that_the_answer_can_be(operation_id: str) -> None:
    answer = BY_ID[operation_id].answer
    if isinstance(answer, type):
        assert _decoded(msgspec.json.encode(ANSWERS[operation_id]), answer) == ANSWERS[operation_id]


@pytest.mark.parametrize("operation_id", GETS)
def test_every_answer_is_of_its_struct_and_schema(operation_id: str, server: str) -> None:
    """Nothing more and nothing less than what the document says, whoever is asked for."""
    for path in _paths(GETS[operation_id], server):
        response = httpx.get(f"{server}{path}", headers=_ADMIN)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == JSON
        answer = GETS[operation_id].answer
        schema = (
            {"$ref": f"#/components/schemas/{answer.__name__}"}
            if isinstance(answer, type)
            else answer
        )
        jsonschema_rs.validator_for(_whole(schema)).validate(response.json())
        if isinstance(answer, type):
            assert _decoded(response.content, answer) == response.json()


def test_recorded_answer_is_of_its_struct_and_schema(server: str) -> None:
    hire = {"type": "hire", "person": {"name": "New"}, "lab": "deepmind", "date": "2024"}
    headers = {"Authorization": "Bearer writer"}
    many = httpx.post(f"{server}/v1/events", json=[hire], headers=headers)
    assert _decoded(many.content, RecordedAnswer) == many.json()
    one = httpx.post(f"{server}/v1/events", json=hire, headers=headers)
    event = jsonschema_rs.validator_for(_whole({"$ref": "#/components/schemas/Event"}))
    for recorded in (one.json(), *many.json()["events"]):
        event.validate(recorded)


def _decoded(content: bytes, type_: type[Any]) -> Any:
    """What the struct makes of the answer, written again: a field that it lacks is missing."""
    return json.loads(msgspec.json.encode(msgspec.json.decode(content, type=type_)))


def _paths(operation: Operation, server: str) -> Iterator[str]:
    path = public_path(operation.path)
    if "{replay_id}" in path:
        headers = {"Authorization": "Bearer admin"}
        yield httpx.post(f"{server}/v1/replays?check=true", headers=headers).headers["location"]
        return
    names = _in_path(operation)
    for asked in _asked(path, names):
        if operation.id in NEEDED:
            yield from (f"{asked}?{query}" for query in NEEDED[operation.id])
            continue
        yield asked
        if any(param.name == "at" for param in operation.params):
            yield f"{asked}?at=2022-01-01&known_at=9"


def _asked(path: str, names: list[str]) -> Iterator[str]:
    """*path* with its names filled in: each of the first with one of the second."""
    for filled in zip(*(ASKED[name] for name in names), strict=False) if names else [()]:
        asked = path
        for name, value in zip(names, filled, strict=True):
            asked = asked.replace(f"{{{name}}}", value)
        yield asked


def _in_path(operation: Operation) -> list[str]:
    return [part.strip("{}") for part in public_path(operation.path).split("/") if "{" in part]


def _check_example(content: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(_whole(content["schema"])).validate(content["example"])


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document that can be used by itself."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "components": DOCUMENT["components"],
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
