"""Logs and metrics: facts as keys, one line a request."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from service.printable import printable, printable_json

_OF_SEVERAL_LINES = ("exception", "stack")


def configure_logs(*, for_people: bool, worker: int | None = None) -> None:
    """
    Log to stderr: lines for people on a terminal, JSON elsewhere.

    Each line says which *worker* wrote it, if there are several. Paths, names and messages come
    from anybody: whatever of them could act on a terminal or begin a line is spelt out.

    Source: structlog's own processors; nothing is formatted before it.
    """
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if for_people
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )

    def numbered(
        logger: object, method: str, line: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return line if worker is None else {**line, "worker": worker}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            numbered,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *([_shown] if for_people else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _shown(
    logger: object, method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Text as a person may see it; all else is shown as Python writes it, which is harmless."""
    return {
        key: _indented(value)
        if key in _OF_SEVERAL_LINES
        else (printable(value) if isinstance(value, str) else value)
        for key, value in line.items()
    }


def _indented(text: str) -> str:
    """Its lines, of which none can be taken for one of the log."""
    return "\n".join(f"  {printable(line)}" for line in text.split("\n"))


def _to_json(facts: dict[str, Any], default: Callable[[Any], Any]) -> str:
    """A line; this encoder takes a quarter of the standard library's time, once a request."""
    try:
        encoded = msgspec.json.encode(facts, enc_hook=default)
    except UnicodeEncodeError:
        # Half a character, as in the name of a file.
        encoded = msgspec.json.encode(_shown(None, "", facts), enc_hook=default)
    return printable_json(encoded.decode())
