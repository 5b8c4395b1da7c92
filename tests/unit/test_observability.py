"""Log lines: one a fact, in which nothing that somebody sent can act."""

import json

import pytest
import structlog

from service.observability import configure_logs
from tests.support.nasty import ALL, acting

log = structlog.get_logger()


@pytest.mark.parametrize("for_people", [True, False])
def test_line_is_one_line_and_acts_on_nobody(
    capsys: pytest.CaptureFixture[str], *, for_people: bool
) -> None:
    configure_logs(for_people=for_people)
    log.info("request_answered", path=ALL, others=[ALL])
    told = capsys.readouterr().err
    assert acting(told) == []
    assert len(told.splitlines()) == 1


def test_json_line_says_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False)
    log.info("request_answered", path=ALL)
    assert json.loads(capsys.readouterr().err)["path"] == ALL


def test_what_cannot_be_encoded_is_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Half a character, of a header or a file name: the line must not fail the request."""
    for for_people in (True, False):
        configure_logs(for_people=for_people)
        log.info("request_answered", path="a\udcff")
    first, second = capsys.readouterr().err.splitlines()
    assert "a\\udcff" in first
    assert json.loads(second)["path"] == "a\\udcff"


@pytest.mark.parametrize("for_people", [True, False])
def test_exception_keeps_its_lines_and_begins_none_of_its_own(
    capsys: pytest.CaptureFixture[str], *, for_people: bool
) -> None:
    """What a name in a message pretends to be is not to be taken for a line of the log."""
    configure_logs(for_people=for_people)
    try:
        int(ALL.replace("\n", " ") + "\n2026-11-22 [info] forged")
    except ValueError:
        log.exception("request_failed")
    told = capsys.readouterr().err
    assert acting(told) == []
    first, *others = told.splitlines()
    assert "request_failed" in first
    if for_people:
        assert any("ValueError" in line for line in others)
        assert all(line.startswith("  ") or not line for line in others), others
    else:
        assert others == []
        assert "ValueError" in json.loads(first)["exception"]
