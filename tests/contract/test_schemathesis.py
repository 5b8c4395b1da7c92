"""The document against the server: what one says the other does."""

import json
import os
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, assume, settings
from schemathesis.config import SchemathesisConfig

from service.api.openapi import document
from service.connections import HEAD_BYTES_MAX
from tests.support.counted import count

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")
KEY = {"Authorization": "Bearer admin"}
EXAMPLES = {"dev": 15, "ci": 100, "long": 500}[PROFILE]

schema = schemathesis.openapi.from_dict(
    document(),
    config=SchemathesisConfig.from_dict(
        {
            # Every request has the key below, so that none is one without; that each operation
            # wants it is asked once more by the library with the key taken away.
            "generation": {"with-security-parameters": False},
            "checks": {
                "positive_data_acceptance": {
                    # A name that nobody has, a position beyond the head, a history that has moved
                    # on, what is no HTTP date and not asked for beside `known_at`: no schema
                    # knows them.
                    "expected-statuses": ["2xx", "304", "400", "404", "409", "412", "422"]
                },
            },
            "operations": [
                {
                    # Of sixteen types with all their fields it makes thousands of requests.
                    "include-operation-id": "recordEvents",
                    "phases": {"coverage": {"enabled": PROFILE != "dev"}},
                }
            ],
        }
    ),
    # A stream has no end to wait for.
).exclude(operation_id="followLog")


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: Any, value: Any) -> bytes:
    """Any text stands for lines; what is no text is one line."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_operation_does_as_documented(case: Any, server: str) -> None:
    # A longer head is refused before it is known what it asks for.
    assume(_head_bytes(case, server) < HEAD_BYTES_MAX)
    count("input", "requests to each operation of the OpenAPI document")
    case.call_and_validate(base_url=server, headers=KEY, timeout=60)


def _head_bytes(case: Any, server: str) -> int:
    """About how much of a request comes before its body."""
    said = case.as_transport_kwargs(base_url=server, headers=KEY)
    prepared = requests.Request(
        said["method"], said["url"], params=said.get("params"), headers=said.get("headers")
    ).prepare()
    headers = sum(len(name) + len(str(value)) for name, value in prepared.headers.items())
    return len(prepared.url or "") + headers
