"""Requests that follow on each other's answers, found in the document."""

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from service.api.openapi import document
from tests.support.counted import count

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")
RUNS = {"dev": 10, "ci": 10, "long": 1000}[PROFILE]
STEPS = 12

schema = schemathesis.openapi.from_dict(
    document(),
    # What is wrong on purpose is sent by the tests of single operations; here it has to go on.
    config=SchemathesisConfig.from_dict(
        {
            "generation": {"mode": "positive"},
            "checks": {"positive_data_acceptance": {"enabled": False}},
        }
    ),
    # A stream has no end to wait for.
).exclude(operation_id="followLog")


def _with_new_names(body: Any) -> Any:
    if isinstance(body, list):
        return [_with_new_names(each) for each in body]
    if not isinstance(body, dict):
        return body
    named = {
        field: {"name": value}
        for field, value in body.items()
        if field in ("person", "lab", "into", "other") and isinstance(value, str)
    }
    return {**body, **named}


@pytest.fixture(scope="module")
def seen() -> Counter[tuple[str, int]]:
    """How often each operation had an answer of each status."""
    return Counter()


@pytest.fixture(scope="module")
def machine(server: str, seen: Counter[tuple[str, int]]) -> Any:
    class Machine(schema.as_state_machine()):  # type: ignore[misc]  # made at run time
        def before_call(self, case: Any) -> None:
            """Names as names of somebody new, without conditions: else hardly any write is one."""
            case.body = _with_new_names(case.body)
            for name in ("If-Match", "Idempotency-Key"):
                (case.headers or {}).pop(name, None)
            super().before_call(case)

        def after_call(self, response: Any, case: Any) -> None:
            seen[case.operation.label, response.status_code] += 1
            count("input", "requests that follow on answers")
            super().after_call(response, case)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {
                "base_url": server,
                "headers": {"Authorization": "Bearer admin"},
                "timeout": 60,
            }

    return Machine


def test_what_follows_on_an_answer_is_as_documented(
    machine: Any, seen: Counter[tuple[str, int]]
) -> None:
    machine.run(
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
    )
    assert seen["POST /v1/events", 201], "else nothing follows on an event"
