"""What is printed cannot act on a terminal, and fits it."""

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from service.cli.terminal import meter, print_json, print_table
from service.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 黄 Łukasz", "Zoë 黄 Łukasz"),
        ("a\x1b[31mb\r\n\x00\x9b", "a\\x1b[31mb\\r\\n\\x00\\x9b"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_text_cannot_act_on_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_progress_in_a_pipe_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 6.0, 6.0, 7.0])
    # Of this module alone: the loops of other threads ask for the time, too.
    own = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("service.cli.terminal.time", own)
    with meter("Load") as progress:
        for done in (1, 2, 3):
            progress.at(done, None, f"{done} recorded")
    assert capsys.readouterr() == ("", "Load: 2 recorded\n")


def test_progress_on_a_terminal_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", terminal)
        with meter("[red]Load") as progress:
            progress.at(1, 2, "1 recorded")
    assert "[red]Load" in terminal.getvalue()
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True


def shown_on_terminal(show: Callable[[], None]) -> str:
    terminal = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TERM", "dumb")
        patch.setattr(sys, "stdout", terminal)
        show()
    return terminal.getvalue()


def test_json_on_a_terminal_means_the_same() -> None:
    body = {"name": "a\x9b\u202e\U000e0041 \u00a0é"}
    text = shown_on_terminal(lambda: print_json(msgspec.json.encode(body)))
    assert msgspec.json.decode(text) == body
    assert text == '{"name":"a\\u009b\\u202e\\udb40\\udc41 \u00a0é"}\n'


def test_table_fits_a_terminal_and_loses_nothing() -> None:
    row = ("● certain", "Ada " * 12, "Q" * 90, "between January 2023 and March 2024")
    headings = ("Presence", "Name", "Role", "Since")
    text = shown_on_terminal(lambda: print_table(headings, [row]))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("Q") == 90
    assert text.count("Ada") == 12
