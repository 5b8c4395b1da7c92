"""Requests that follow on each other's answers, found in the document."""

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky
from schemathesis.config import SchemathesisConfig

from service.api.openapi import document
from tests.support.counted import count

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")
RUNS = {"dev": 10, "ci": 10, "long": 300}[PROFILE]
RUNS_AT_ONCE = 5
STEPS = 12

OF_A_BEGINNING = settings(
    max_examples=RUNS_AT_ONCE,
    stateful_step_count=STEPS,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

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
def faults() -> list[BaseException]:
    """What an answer had that the document does not say, whether or not it came again."""
    return []


@pytest.fixture(scope="module")
def machine(server: str, seen: Counter[tuple[str, int]], faults: list[BaseException]) -> Any:
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

        def validate_response(self, response: Any, case: Any, *more: Any, **said: Any) -> None:
            try:
                super().validate_response(response, case, *more, **said)
            except Exception as fault:
                faults.append(fault)
                raise

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {
                "base_url": server,
                "headers": {"Authorization": "Bearer admin"},
                "timeout": 60,
            }

    return Machine


def test_what_follows_on_an_answer_is_as_documented(
    machine: Any,
    seen: Counter[tuple[str, int]],
    faults: list[BaseException],
    pytestconfig: pytest.Config,
) -> None:
    """
    From many beginnings, since nothing can be run twice.

    What can follow rests on what was answered, and that on what the log holds by then: where the
    same requests are answered otherwise than before, Hypothesis gives that beginning up.
    """
    given = pytestconfig.getoption("--hypothesis-seed")
    for number in range(RUNS // RUNS_AT_ONCE):
        try:
            seed(f"{given} {number}")(machine).run(settings=OF_A_BEGINNING)
        except Flaky as flaky:
            inner = getattr(flaky, "exceptions", ())
            faults.extend(one for one in inner if not isinstance(one, Flaky))
        assert not faults, faults
    assert seen["POST /v1/events", 201], "else nothing follows on an event"
