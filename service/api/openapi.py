"""The OpenAPI document: what the server does, made from the table of operations."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from service import __version__
from service.answers.events import RecordedAnswer
from service.api.administering import OVERLAP_SECONDS_MAX
from service.api.asking import LabAsked, MovesAsked, PersonAsked
from service.api.bodies import NDJSON
from service.api.examples import ANSWERS, REFUSALS
from service.api.field_descriptions import described
from service.api.following import LAST_EVENT_ID
from service.api.memento import LINK_FORMAT, BadAcceptDatetime
from service.api.operations import Operation
from service.api.params import KNOWN_AT
from service.api.problems import MEDIA_TYPE, PROBLEMS, ProblemDocument, document_of
from service.api.routes import OPERATIONS
from service.api.streams import StreamAnswer
from service.domain import refusals as r
from service.domain.events import (
    ERASED,
    ERASURE,
    FACTS,
    PAYLOADS,
    TEXT_CHARACTERS_MAX,
    Edtf,
    Slug,
    WebAddress,
)
from service.domain.submissions import EVENTS_MAX
from service.log.keys import NAMES_RESERVED

OPEN = "open"
"""The role of what anybody may read, unless a setting closes it."""
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
    "If-Match": {
        "description": "The position at which the person's history was read (the lab's, of an "
        "event without a person; of a correction or retraction the event's `revision`), in "
        "quotes; refused if it has moved on since.",
        "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,17})"$'},
    },
    LAST_EVENT_ID: {
        "description": "The `id` of the event that was read last, or its position: the stream goes "
        "on after it, whatever `after` says. Browsers send it by themselves when they come back.",
        # No pattern: an id is opaque, and blank is none.
        "schema": {"type": "string"},
    },
    "Accept-Datetime": {
        "description": "An instant to answer as known at (RFC 7089); `known_at` and a cursor go "
        "before it.",
        # No pattern: beside `known_at` the header says nothing, whatever is in it.
        "schema": {"type": "string", "examples": ["Sun, 01 Nov 2026 09:00:00 GMT"]},
    },
    "If-None-Match": {
        "description": "The ETag of an answer that the client has; 304 if it still holds.",
        "schema": {"type": "string"},
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
_ERASED_BY = {
    "type": "object",
    "description": "Of type `erased`: the erasure that took what the event said.",
    "properties": {
        "position": {"type": "integer", "minimum": 1},
        "recorded_at": {"type": "string", "format": "date-time"},
        "reason": {"type": "string"},
    },
    "required": ["position", "recorded_at", "reason"],
}
_ANSWER_HEADERS = {
    "Log-Position": ("integer", "The head of the log when the answer was given."),
    "ETag": ("string", "Of the question, the times answered for and the position."),
    "Cache-Control": ("string", "`immutable` where `at` and `known_at` pin the answer."),
    "Link": (
        "string",
        (
            'The next page (`rel="next"`) and, where another name was asked for, the path under '
            'the canonical id (`rel="canonical"`); of answers for a state of knowledge the question '
            'without it (`rel="original timegate"`), the address that stays (`rel="memento"`) and '
            'the list of states (`rel="timemap"`).'
        ),
    ),
    "Memento-Datetime": ("string", "When the past state answered for was recorded (RFC 7089)."),
    "Content-Location": ("string", "The address of the state that Accept-Datetime came to."),
    "Location": ("string", "Where what was made is read."),
    "Retry-After": ("integer", "Seconds after which to try again."),
    "Idempotent-Replayed": ("string", "`true`: it was recorded before."),
}
_LINES = {
    "schema": {
        "type": "string",
        "description": "An event a line, as many as there are. Lines with faults are left out "
        "and named, the others recorded, a thousand at a time. A line without an `event_id` has "
        "one that follows from the `Idempotency-Key` and its number, so that a repeat goes on "
        "where the first ended; without either, a repeat records it once more.",
    },
    "example": '{"type": "closure", "lab": "adept", "date": "2024-06"}\n',
}
_TEXT = {
    "type": "string",
    "minLength": 1,
    "maxLength": TEXT_CHARACTERS_MAX,
    # Not blank, no NUL.
    "pattern": r"^[^\u0000]*\S[^\u0000]*$",
}
_END = {"type": ["string", "null"], "format": "date-time"}
_DAY = "(1[89]|2[01])[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_PATTERNS = {
    Edtf: rf"^({_DAY}[?~%]?|\[{_DAY}\.\.({_DAY})?\]|\[\.\.{_DAY}\])$",
    Slug: "^(?=.{1,100}$)[a-z0-9]+(-[a-z0-9]+)*$",
    WebAddress: "^[hH][tT][tT][pP][sS]?://[^\\s/]",
}


def document() -> dict[str, Any]:
    """The whole document, as /schema/openapi.json serves it."""
    answers = {op.answer for op in OPERATIONS if isinstance(op.answer, type)}
    answers |= {type_ for op in OPERATIONS for type_ in op.also}
    parts = {ProblemDocument, RecordedAnswer, LabAsked, PersonAsked, MovesAsked}
    types = sorted({*answers, *parts}, key=lambda t: t.__name__)
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
            "schemas": {
                **described({n: _answered(schema) for n, schema in components.items()}, types),
                **described(_submitted(payloads), PAYLOADS.values()),
                **_bodies(),
            },
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
        # OpenAPI has no word for it where keys are bearer keys.
        "x-role": operation.role or OPEN,
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
                },
                **({NDJSON: _LINES} if StreamAnswer in operation.also else {}),
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
                **({"required": True} if param.is_required else {}),
            }
            for param in operation.params
        ),
        *({"name": name, "in": "header", **_HEADERS[name]} for name in _headers(operation)),
    ]


def _headers(operation: Operation) -> list[str]:
    validators = ["If-None-Match"] if operation.is_validated else []
    past = ["Accept-Datetime"] if KNOWN_AT in operation.params else []
    return [*operation.headers, *past, *validators]


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {str(operation.status): _answer(operation)}
    if operation.also:
        responses["200"] = {
            **_answer(operation),
            "description": "Recorded before: the first answer again; or, with `dry_run`, what "
            "the write would change.",
            "content": {"application/json": {"schema": _also(operation)}},
            "headers": _described("Log-Position", "Idempotent-Replayed"),
        }
    if operation.is_validated:
        responses["304"] = {
            "description": "The answer that If-None-Match names still holds.",
            "headers": _described("Log-Position", "ETag", "Cache-Control"),
        }
    refusals: list[type[r.Refusal]] = [*operation.refusals, r.Unauthenticated, r.BadParameter]
    if operation.role or operation.method == "GET":
        refusals.append(r.Forbidden)
    if KNOWN_AT in operation.params:
        refusals.append(BadAcceptDatetime)
    if "{" in operation.path:
        refusals.append(r.NotFound)
    refusals += [r.UnknownHost, r.TooManyRequests, r.TooManyAttempts, r.NotReady]
    by_status: dict[int, list[type[r.Refusal]]] = {}
    for refusal in dict.fromkeys(refusals):
        by_status.setdefault(PROBLEMS[refusal].status, []).append(refusal)
    for status, of_status in sorted(by_status.items()):
        responses[str(status)] = _problem(status, of_status)
    return responses


def _answer(operation: Operation) -> dict[str, Any]:
    names = ["Log-Position"]
    if operation.is_validated:
        names += ["ETag", "Cache-Control"]
    if KNOWN_AT in operation.params:
        names += ["Memento-Datetime", "Content-Location", "Link"]
    if operation.status in (201, 202) and operation.tag != "Keys":
        names.append("Location")
    answered: dict[str, Any] = {
        "description": operation.summary,
        "headers": _described(*names),
    }
    if operation.answer is not None:
        answered["content"] = {
            operation.media_type: {"schema": _schema(operation), "example": ANSWERS[operation.id]}
        }
        if operation.has_link_format:
            answered["content"][LINK_FORMAT] = {"schema": {"type": "string"}}
    return answered


def _schema(operation: Operation) -> dict[str, Any]:
    """The schema of what an operation answers, which its row gives as one or as a struct."""
    answer: Any = operation.answer
    return {"$ref": _REF.format(name=answer.__name__)} if isinstance(answer, type) else answer


def _also(operation: Operation) -> dict[str, Any]:
    """The answers of a write that records nothing new."""
    own = _schema(operation)
    others = [{"$ref": _REF.format(name=type_.__name__)} for type_ in operation.also]
    return {"anyOf": [*own.get("anyOf", [own]), *others]}


def _described(*names: str) -> dict[str, Any]:
    return {
        name: {"description": description, "schema": {"type": type_}}
        for name, (type_, description) in ((n, _ANSWER_HEADERS[n]) for n in names)
    }


def _problem(status: int, refusals: Iterable[type[r.Refusal]]) -> dict[str, Any]:
    headers = {"headers": _described("Retry-After")} if status in (429, 503) else {}
    return {
        **headers,
        "description": "; ".join(dict.fromkeys(PROBLEMS[x].title for x in refusals)) + ".",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(name="ProblemDocument")},
                "examples": {
                    x.code: {"value": msgspec.to_builtins(document_of(REFUSALS[x]))}
                    for x in refusals
                },
            }
        },
    }


def _submitted(payloads: Mapping[str, Any]) -> dict[str, Any]:
    """The payload schemas as clients send them: with an id of their own, nulls as absent."""
    schemas = {}
    for name, schema in payloads.items():
        required = schema.get("required", ())
        properties = {
            field: _sent(value, is_required=field in required)
            for field, value in schema.get("properties", {}).items()
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
                "type": ["array", "null"],
                "items": {"anyOf": [_TEXT, founder, entity]},
            }
        schemas[name] = {**schema, "properties": properties}
    return schemas


def _sent(schema: Mapping[str, Any], *, is_required: bool) -> dict[str, Any]:
    """A field's schema with what is refused in it, and without defaults, which are not written in."""
    stated = {k: v for k, v in schema.items() if k != "default"}
    if stated == {"type": "string"}:
        return dict(_TEXT)
    for annotated, pattern in _PATTERNS.items():
        if stated.get("description") == get_args(annotated)[1].description:
            stated["pattern"] = pattern
    if "anyOf" in stated:
        stated["anyOf"] = [_sent(s, is_required=True) for s in stated["anyOf"]]
    if "items" in stated:
        stated["items"] = _sent(stated["items"], is_required=True)
    if stated.get("type") == "array" and not is_required:
        stated["type"] = ["array", "null"]
    return stated


def _answered(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an answer: events as events, instants as instants."""
    properties = dict(schema.get("properties", {}))
    for name in ("items", "events", "corrections"):
        if properties.get(name, {}).get("items") == {"type": "object"}:
            properties[name] = {"type": "array", "items": {"$ref": _REF.format(name="Event")}}
    if properties.get("event", {}).get("type") == "object":
        properties["event"] = {"$ref": _REF.format(name="Event")}
    for name, value in properties.items():
        if name.endswith("_at") and name != "known_at":
            properties[name] = _instant(value)
    # Which name is unknown is for the look-up of near ones alone.
    properties.pop("unknown", None)
    return {**schema, "properties": properties}


def _instant(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return {**schema, "anyOf": [_instant(s) for s in schema["anyOf"]]}
    return {**schema, "format": "date-time"} if schema.get("type") == "string" else dict(schema)


def _bodies() -> dict[str, Any]:
    any_event = {
        "anyOf": [{"$ref": _REF.format(name=t.__name__)} for t in PAYLOADS.values()],
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
            "description": "A payload with people and labs as id and name, as recorded; of one "
            "that was erased that it was.",
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": sorted([*PAYLOADS, ERASURE, ERASED])},
                **_RECORDED,
                "erased": _ERASED_BY,
                "count": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Of an `erasure`, how many events it took.",
                },
            },
            "required": ["type", *_RECORDED],
            "additionalProperties": True,
        },
        "CorrectionBody": {
            "description": "A whole event as in AnyEvent, and why it is corrected; the read-only "
            "fields of an event as read are taken back unchanged.",
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": sorted(FACTS)},
                "reason": _TEXT,
            },
            "required": ["type", "reason"],
            "additionalProperties": True,
        },
        "RetractionBody": {
            "type": "object",
            "properties": {
                "reason": _TEXT,
                "event_id": {"type": ["string", "null"], "format": "uuid"},
            },
            "required": ["reason"],
            "additionalProperties": False,
        },
        "ErasureBody": {
            "description": "Exactly one of `person`, `event_id` and `again`.",
            "type": "object",
            "properties": {
                "person": {**_TEXT, "description": "An id or a known name."},
                "event_id": {
                    "type": "string",
                    "format": "uuid",
                    "description": "The one event whose payload is to go.",
                },
                "event": {
                    "type": "object",
                    "description": "With `event_id`: a whole event as in AnyEvent that holds in "
                    "its place, without what must go.",
                },
                "again": {
                    "type": "object",
                    "description": "An erasure of another copy of this log, as its export has it, "
                    "and what was recorded with it.",
                    "properties": {
                        "event_id": {"type": "string", "format": "uuid"},
                        "events": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "uuid"},
                        },
                        "restated": {"type": "array", "items": {"type": "object"}},
                    },
                    "required": ["event_id", "events"],
                    "additionalProperties": False,
                },
                "reason": {
                    **_TEXT,
                    "description": "Why; it stays on the log, and says no name of who is erased.",
                },
            },
            "required": ["reason"],
            "additionalProperties": False,
        },
        "KeyBody": {
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "pattern": "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$",
                    "not": {"enum": list(NAMES_RESERVED)},
                },
                "role": {"type": "string", "enum": ["reader", "writer", "admin"]},
                "expires_at": {**_END, "description": "From then on it is refused."},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
        "RotationBody": {
            "type": "object",
            "properties": {
                "overlap_seconds": {
                    "type": ["integer", "null"],
                    "minimum": 0,
                    "maximum": OVERLAP_SECONDS_MAX,
                    "description": "So long the key before stays good; not at all unless given.",
                },
                "expires_at": {
                    **_END,
                    "description": "When the new key ends; when the one before would have, "
                    "unless given.",
                },
            },
            "additionalProperties": False,
        },
    }


_REF = "#/components/schemas/{name}"
