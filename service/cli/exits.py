"""How a command ends that does not end well: refused (2) or at fault (1), each in a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import click

from service.printable import printable

FAULT = 1
REFUSED = 2
_NEW = {
    "person": "--new-person NAME",
    "lab": "--new-lab NAME",
    "founders": "--new-founder NAME",
}
"""By the field: how a command says somebody new, where a body has an object."""


class CommandRefused(click.ClickException):
    """
    The caller's: what was asked for is refused, and nothing was done.

    Shapes: *problem* is a problem document (RFC 9457), or the part of one that is known.
    """

    exit_code = REFUSED

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or "Refused."))
        self.problem = problem

    @property
    def status(self) -> int | None:
        """HTTP status of the refusal; None where no request was made."""
        status = self.problem.get("status")
        return status if isinstance(status, int) else None

    def show(self, file: IO[Any] | None = None) -> None:
        _say(refusal_lines(self.problem), file)


class CommandFailed(click.ClickException):
    """Ours, or the network's: a sentence, no traceback."""

    exit_code = FAULT

    def show(self, file: IO[Any] | None = None) -> None:
        _say([self.message], file)


def refused(sentence: str) -> CommandRefused:
    """A refusal that needs no service to be made."""
    return CommandRefused({"detail": sentence})


def refusal_lines(problem: Mapping[str, Any]) -> Iterator[str]:
    """
    The problem as a person reads it: what it is, then each fault with its pointer.

    Near names and candidates get a line of their own where the sentence leaves them out.
    """
    detail = str(problem.get("detail") or problem.get("title") or "Refused.")
    yield detail
    yield from _offers(problem, detail, "  ")
    for fault in problem.get("errors") or ():
        message = str(fault.get("message", ""))
        yield f"  {fault.get('pointer') or '(the whole body)'}: {message}"
        yield from _offers(fault, detail + message, "    ")
        option = _NEW.get(str(fault.get("pointer")).removeprefix("/").partition("/")[0])
        if option is not None and fault.get("code") == "unknown_name":
            yield f"    As an option: {option}"
    if problem.get("status") == 401:
        yield "  Give a key with --key or in TIMELINE_API_KEY."


def _offers(said: Mapping[str, Any], sentence: str, indent: str) -> Iterator[str]:
    for field, word in (("suggestions", "near names"), ("candidates", "it may be")):
        offered = [_named(each) for each in _list(said.get(field))]
        left_out = [text for name, text in offered if name not in sentence]
        if left_out:
            yield f"{indent}{word}: {', '.join(left_out)}"


def _named(candidate: Any) -> tuple[str, str]:
    if not isinstance(candidate, Mapping):
        return str(candidate), f"'{candidate}'"
    name, slug = str(candidate.get("name", "")), str(candidate.get("id", ""))
    return slug or name, f"'{name}' ({slug})" if slug else f"'{name}'"


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _say(lines: Iterator[str] | list[str], file: IO[Any] | None) -> None:
    for line in lines:
        click.echo(printable(line), file=file, err=file is None)
