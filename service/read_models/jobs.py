"""What a replay asks of a process that folds for it, and what that answers: JSON, a line each."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from service.domain.events import Position
from service.read_models.drift import Drift


class Assignment(Struct, frozen=True, kw_only=True):
    """The first line: for which replay, and how to connect. Not on the command line, which
    everyone may read."""

    replay_id: UUID
    dsn: str
    role: str
    search_path: str


class _Job(Struct, frozen=True, kw_only=True, tag=True):
    pass


class Survey(_Job, frozen=True, kw_only=True):
    """Fold the labs up to a position. Comes before the parts; one of the processes writes them."""

    until: Position
    is_written: bool


class Build(_Job, frozen=True, kw_only=True):
    """Fold and write the people of a part, see `building.Part`."""

    after: str
    to: str | None


class Compare(_Job, frozen=True, kw_only=True):
    """Tell how what is in use differs from what was built up to a position."""

    until: Position
    is_side_by_side: bool
    """Whether the two are read at once, each by a process of the server."""


class CatchUp(_Job, frozen=True, kw_only=True):
    """Bring read models from one position to another."""

    successor: Literal["next", "before"]
    after: Position
    until: Position


Job = Survey | Build | Compare | CatchUp


class Folded(Struct, frozen=True, kw_only=True, tag=True):
    """A survey or a part is written; these positions were folded in it."""

    positions: list[int]


class Compared(Struct, frozen=True, kw_only=True, tag=True):
    drift: Drift


class CaughtUp(Struct, frozen=True, kw_only=True, tag=True):
    pass


class Failed(Struct, frozen=True, kw_only=True, tag=True):
    """Why the process cannot go on; it ends with this."""

    detail: str


Answer = Folded | Compared | CaughtUp | Failed

ASSIGNMENT: msgspec.json.Decoder[Assignment] = msgspec.json.Decoder(Assignment)
JOB: msgspec.json.Decoder[Job] = msgspec.json.Decoder(Job)
ANSWER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_JSON = msgspec.json.Encoder()


def to_line(said: Any) -> bytes:
    """One of the above as it is sent."""
    return _JSON.encode(said) + b"\n"
