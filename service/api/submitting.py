"""From a request to a command: its headers, and who sent it."""

import re
from collections.abc import Sequence
from typing import Any

from service.api.operations import Call
from service.domain.events import Position
from service.domain.refusals import BadParameter, shown
from service.domain.submissions import Submission, digest
from service.recording.commands import Command

IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
_ENTITY_TAG = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def command_of(call: Call, submissions: Sequence[Submission], body: Any) -> Command:
    """
    What the request asks to be recorded, all or nothing.

    Raises:
        BadParameter: a header that cannot be used.
    """
    assert call.principal is not None, "writing needs a key"
    request = call.request
    key = idempotency_key(call)
    return Command(
        submissions=submissions,
        recorded_by=call.principal.name,
        receipts_of=call.principal.receipts_of,
        request_id=str(request.scope.get("request_id", "")),
        idempotency_key=key,
        request_digest=b"" if key is None else digest([request.method, request.url.path, body]),
        expected_position=_expected_position(call),
    )


def idempotency_key(call: Call) -> str | None:
    """
    The key by which a repeat is known, if the request brings one.

    Raises:
        BadParameter: it cannot be one.
    """
    key = call.request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadParameter(
            "Idempotency-Key",
            f"An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII "
            "characters without spaces.",
        )
    return key


def _expected_position(call: Call) -> Position | None:
    """
    The position that If-Match names.

    Raises:
        BadParameter: it names none, or several.
    """
    sent = call.request.headers.getall("if-match", [])
    if not sent:
        return None
    if len(sent) > 1 or not _ENTITY_TAG.fullmatch(sent[0]):
        raise BadParameter(
            "If-Match",
            f"If-Match takes one position in quotes, such as '\"712\"', and not "
            f"{shown(', '.join(sent))}: the position at which the history was read, of a "
            "correction or retraction the event's 'revision'.",
        )
    return Position(int(sent[0].strip('"')))
