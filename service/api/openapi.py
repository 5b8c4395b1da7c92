"""The OpenAPI document: what the server does, made from the table of operations."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from service import __version__
from service.answers.events import RecordedAnswer
from service.api.operations import Operation
from service.api.problems import MEDIA_TYPE, PROBLEMS, ProblemDocument
from service.api.routes import OPERATIONS
from service.domain import refusals as r
from service.domain.events import FACTS, PAYLOADS
from service.domain.submissions import EVENTS_MAX

_PATH_NAMES = {
    "lab": "A lab by id or by any known name, former ones included.",
    "person": "A person by id or by any known name.",
    "event_id": "The id of an event.",
    "replay_id": "The id of a replay.",
    "name": "The name of a key.",
}
_HEADERS = {
    "Idempotency-Key": {
        "description": "A repeat with the same key and request is answered with the first "
        "answer; the same key with another request is refused.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
}
_RECORDED = {
    "event_id": {"type": "string", "format": "uuid"},
    "position": {"type": "integer", "minimum": 1},
    "recorded_at": {"type": "string", "format": "date-time"},
    "recorded_by": {"type": "string"},
    "revision": {
        "type": "integer",
        "description": "Position of the last correction or retraction, else its own.",
    },
    "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}


def document() -> dict[str, Any]:
    """The whole document, as /schema/openapi.json serves it."""
    answers = {op.answer for op in OPERATIONS if isinstance(op.answer, type)}
    types = sorted({*answers, ProblemDocument, RecordedAnswer}, key=lambda t: t.__name__)
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    _, payloads = msgspec.json.schema_components(list(PAYLOADS.values()), ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lab Timeline",
            "version": __version__,
            "summary": "Who was where, when, and how do we know.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": t} for t in dict.fromkeys(op.tag for op in OPERATIONS)],
        "paths": _paths(OPERATIONS),
        "components": {
            "schemas": {**components, **_submitted(payloads), **_bodies()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def public_path(path: str) -> str:
    """The router's path as documents write it."""
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


def _paths(operations: Iterable[Operation]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(public_path(operation.path), {})
        path[operation.method.lower()] = _operation(operation)
    return paths


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
        "security": [{"key": []}] if operation.role else [{}, {"key": []}],
    }
    if operation.role:
        described["description"] = f"Needs a key of the role `{operation.role}`."
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": operation.body,
                    "example": operation.body_example,
                }
            },
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+):", operation.path)
    return [
        *(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": _PATH_NAMES[name],
                "schema": {"type": "string", "minLength": 1},
            }
            for name in names
        ),
        *(
            {
                "name": param.name,
                "in": "query",
                "description": param.description,
                "schema": dict(param.schema),
            }
            for param in operation.params
        ),
        *({"name": name, "in": "header", **_HEADERS[name]} for name in operation.headers),
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {str(operation.status): _answer(operation)}
    if operation.headers:
        responses["200"] = {**_answer(operation), "description": "Recorded before."}
    if operation.is_reading:
        responses["304"] = {"description": "The answer that If-None-Match names still holds."}
    refusals: list[type[r.Refusal]] = [*operation.refusals, r.Unauthenticated, r.BadParameter]
    if operation.role or operation.is_reading:
        refusals.append(r.Forbidden)
    if "{" in operation.path:
        refusals.append(r.NotFound)
    refusals.append(r.NotReady)
    by_status: dict[int, list[type[r.Refusal]]] = {}
    for refusal in dict.fromkeys(refusals):
        by_status.setdefault(PROBLEMS[refusal].status, []).append(refusal)
    for status, of_status in sorted(by_status.items()):
        responses[str(status)] = _problem(status, of_status)
    return responses


def _answer(operation: Operation) -> dict[str, Any]:
    answered: dict[str, Any] = {
        "description": operation.summary,
        "headers": {
            "Log-Position": {
                "description": "The head of the log when the answer was given.",
                "schema": {"type": "integer"},
            }
        },
    }
    if operation.answer is not None:
        schema = operation.answer
        if isinstance(schema, type):
            schema = {"$ref": _REF.format(name=schema.__name__)}
        content: dict[str, Any] = {"schema": schema}
        if operation.answer_example is not None:
            content["example"] = operation.answer_example
        answered["content"] = {"application/json": content}
    return answered


def _problem(status: int, refusals: Iterable[type[r.Refusal]]) -> dict[str, Any]:
    return {
        "description": "; ".join(dict.fromkeys(PROBLEMS[x].title for x in refusals)) + ".",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(name="ProblemDocument")},
                "examples": {
                    x.code: {
                        "value": {
                            "type": f"urn:lab-timeline:problem:{x.code}",
                            "title": PROBLEMS[x].title,
                            "status": status,
                            "detail": "…",
                        }
                    }
                    for x in refusals
                },
            }
        },
    }


def _submitted(payloads: Mapping[str, Any]) -> dict[str, Any]:
    """The payload schemas as clients send them: with an id of their own, nulls as absent."""
    schemas = {}
    for name, schema in payloads.items():
        properties = {
            field: _stated(value) for field, value in schema.get("properties", {}).items()
        }
        if "type" in properties and name != "Entity":
            properties["event_id"] = {
                "type": ["string", "null"],
                "format": "uuid",
                "description": "An id of the client's own; a repeat is recognised by it.",
            }
        if "founders" in properties:
            entity = {"$ref": _REF.format(name="Entity")}
            founder = {"$ref": _REF.format(name="Founder")}
            properties["founders"] = {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, founder, entity]},
            }
        schemas[name] = {**schema, "properties": properties}
    return schemas


def _stated(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A field's schema without its default, which is never written in."""
    return {k: v for k, v in schema.items() if k != "default"}


def _bodies() -> dict[str, Any]:
    any_event = {
        "oneOf": [{"$ref": _REF.format(name=t.__name__)} for t in PAYLOADS.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {tag: _REF.format(name=t.__name__) for tag, t in PAYLOADS.items()},
        },
    }
    return {
        "AnyEvent": any_event,
        "EventOrEvents": {
            "anyOf": [
                {"$ref": "#/components/schemas/AnyEvent"},
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": EVENTS_MAX,
                    "items": {"$ref": "#/components/schemas/AnyEvent"},
                },
            ]
        },
        "Event": {
            "description": "A payload with people and labs as id and name, as recorded.",
            "type": "object",
            "properties": {"type": {"type": "string", "enum": sorted(PAYLOADS)}, **_RECORDED},
            "required": ["type", *_RECORDED],
            "additionalProperties": True,
        },
        "CorrectionBody": {
            "description": "A whole event, and why it is corrected.",
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": sorted(FACTS)},
                "reason": {"type": "string", "minLength": 1, "maxLength": 4096},
            },
            "required": ["type", "reason"],
            "additionalProperties": True,
        },
        "RetractionBody": {
            "type": "object",
            "properties": {
                "reason": {"type": "string", "minLength": 1, "maxLength": 4096},
                "event_id": {"type": ["string", "null"], "format": "uuid"},
            },
            "required": ["reason"],
            "additionalProperties": False,
        },
        "KeyBody": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"},
                "role": {"type": "string", "enum": ["reader", "writer", "admin"]},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    }


_REF = "#/components/schemas/{name}"
