"""Cursors: where a page ended, in which log, as known at which position."""

import base64
import binascii
import re

from msgspec import Struct

from service.domain.refusals import BadParameter
from service.log.read import LogIdentity


class Cursor(Struct, frozen=True):
    """A place in a list as known at a position."""

    position: int
    place: str


def to_text(cursor: Cursor, identity: LogIdentity) -> str:
    """An opaque text that only this log, in this epoch, takes back."""
    text = f"{identity.log_id.hex}.{identity.epoch}.{cursor.position}.{cursor.place}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_text(text: str, identity: LogIdentity) -> Cursor:
    """
    The place that *text* says.

    Raises:
        BadParameter: it is no cursor, or one of another log.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        log_id, epoch, position, place = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(".", 3)
        )
    except (binascii.Error, UnicodeError, ValueError) as exc:
        raise _no_cursor() from exc
    if not re.fullmatch(r"[0-9]{1,18}", position) or "\0" in place:
        raise _no_cursor()
    if (log_id, epoch) != (identity.log_id.hex, str(identity.epoch)):
        raise BadParameter(
            "cursor",
            "This cursor is of another log, or of a time that a restore took back; begin again "
            "without one.",
        )
    return Cursor(int(position), place)


def _no_cursor() -> BadParameter:
    return BadParameter("cursor", "This is no cursor; take `next` of a page as it is.")
