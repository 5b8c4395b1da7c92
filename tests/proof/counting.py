"""
A plugin for pytest: tells of each test what became of it and what it counted.

Loaded by the proof alone (`-p tests.proof.counting`), with the settings that it gives.
"""

import functools
import inspect
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.proof.plan import CASES, EXAMPLES, row_of
from tests.proof.results import Counted, Result, add
from tests.support.counted import count, counts

FILE = "TIMELINE_PROOF_FILE"
"""Where results go."""
PART = "TIMELINE_PROOF_PART"
DONE = "TIMELINE_PROOF_DONE"
"""A file with the ids of tests that need not be run again."""
PLANNED = "TIMELINE_PROOF_PLANNED"
"""Where the number of tests goes."""
_COUNTED = "counted"
_TEST = "test"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Keeper(), "proof-keeper")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    done = set(Path(os.environ[DONE]).read_text().splitlines())
    seen: Counter[str] = Counter()
    for item in items:
        seen[item.nodeid] += 1
        # Tests that are made of the OpenAPI document share one id.
        alike = f" ({seen[item.nodeid]})" if seen[item.nodeid] > 1 else ""
        item.user_properties.append((_TEST, item.nodeid + alike))
        _count_examples(item)
    items[:] = [item for item in items if dict(item.user_properties)[_TEST] not in done]


def pytest_collection_finish(session: pytest.Session) -> None:
    # Of several processes each collects the same, and the one that leads them nothing.
    if session.items:
        Path(os.environ[PLANNED]).write_text(str(len(session.items)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    counts.clear()
    if (what := row_of(item.nodeid, CASES)) is not None:
        count("input", what)
    try:
        yield
    finally:
        told = [Counted(kind, what, number) for (kind, what), number in sorted(counts.items())]
        item.user_properties.append((_COUNTED, msgspec.to_builtins(told)))


class _Keeper:
    """Of several processes the one that leads them keeps what each of them is told."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not _is_told(report):
            return
        told = dict(report.user_properties)
        counted = msgspec.convert(told.get(_COUNTED, []), Sequence[Counted])
        test, part = str(told[_TEST]), os.environ[PART]
        result = Result(test, part, report.outcome, report.duration, counted)
        add(Path(os.environ[FILE]), result)


def _is_told(report: pytest.TestReport) -> bool:
    """Once of each test, and again if its end failed."""
    return report.when == "call" or report.outcome != "passed"


def _count_examples(item: pytest.Item) -> None:
    """Let each example of a law be counted, once however many tests share it."""
    what = row_of(item.nodeid, EXAMPLES)
    handle: Any = getattr(getattr(item, "obj", None), "hypothesis", None)
    if what is None or handle is None:
        return
    if not hasattr(handle.inner_test, "is_counted"):
        handle.inner_test = _counted(handle.inner_test, what)


def _counted(test: Callable[..., Any], what: str) -> Callable[..., Any]:
    @functools.wraps(test)
    def counting(*args: Any, **kwargs: Any) -> Any:
        count("input", what)
        return test(*args, **kwargs)

    @functools.wraps(test)
    async def counting_later(*args: Any, **kwargs: Any) -> Any:
        count("input", what)
        return await test(*args, **kwargs)

    chosen: Any = counting_later if inspect.iscoroutinefunction(test) else counting
    chosen.is_counted = True
    return chosen  # type: ignore[no-any-return]  # one of the two above
