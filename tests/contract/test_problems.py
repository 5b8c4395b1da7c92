"""The table of problems: whole, shown by example, and of the one shape."""

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest

import service
from service.api.examples import REFUSALS
from service.api.problems import PROBLEMS, ProblemDocument, document_of
from service.domain.refusals import Refusal

NOT_OVER_HTTP = {
    "service.in_process",
    "service.log.export",
    "service.log.restore",
    "service.log.schema",
    "service.log.usage",
}
"""Of commands for a data directory alone, and of a service that does not start."""


def _refusals(of: type[Refusal]) -> Iterator[type[Refusal]]:
    for refusal in of.__subclasses__():
        yield refusal
        yield from _refusals(refusal)


def test_every_refusal_has_a_row_and_every_row_an_example() -> None:
    for module in pkgutil.walk_packages(service.__path__, "service."):
        if not module.name.startswith(("service.cli", "service.web")):
            importlib.import_module(module.name)
    over_http = {r for r in _refusals(Refusal) if r.__module__ not in NOT_OVER_HTTP}
    assert over_http == PROBLEMS.keys() == REFUSALS.keys()


def test_every_code_is_one_refusal() -> None:
    assert len({refusal.code for refusal in PROBLEMS}) == len(PROBLEMS)


@pytest.mark.parametrize("refusal", PROBLEMS, ids=lambda refusal: refusal.code)
def test_problem_document_says_what_and_why(refusal: type[Refusal]) -> None:
    document = document_of(REFUSALS[refusal])
    assert document.type == f"urn:lab-timeline:problem:{refusal.code}"
    assert document.title == PROBLEMS[refusal].title
    assert document.status == PROBLEMS[refusal].status
    assert document.detail == REFUSALS[refusal].message
    assert document.detail.endswith(".")
    encoded = msgspec.json.encode(document)
    assert msgspec.json.decode(encoded, type=ProblemDocument) == document
