"""
What an operation is: the table in `routes` has one for each thing that can be asked.

Routing, the role that each needs, parameters and the OpenAPI document all follow from it, so
that a new operation without a role or an example does not exist.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableSequence, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from litestar import Request
from msgspec import Struct, field

from service.answers.following import Follower
from service.answers.glances import Glances
from service.answers.memory import Memory
from service.answers.times import Times
from service.answers.vitals import KeptVitals
from service.api.attempts import Attempts
from service.api.doors import Doors
from service.api.intake import Intake
from service.api.kept import KeptAnswers
from service.api.metrics import Metrics
from service.api.params import Param
from service.api.subscribers import Subscribers
from service.api.tracing import Tracer
from service.domain.refusals import Refusal
from service.log.keys import KeyLookUp, Principal, Role
from service.log.read import LogIdentity
from service.postgres.pool import Connection, Pool
from service.read_models.crews import Workforce
from service.recording.writer import Writer

Method = Literal["GET", "POST", "PUT", "DELETE"]
Tag = Literal[
    "Labs",
    "People",
    "Moves",
    "Questions",
    "Events",
    "Log",
    "Findings",
    "Replays",
    "Erasures",
    "Keys",
    "Diagnosis",
]


class Place(Struct, frozen=True, kw_only=True):
    """Where a process stands among those that answer for one service."""

    leads: bool = True
    """Whether it does what is done once a service: its start, and the tasks that go on."""
    seen: MutableSequence[int] = field(default_factory=lambda: [0])
    """The greatest head that any answer was given from, by process, in memory that all share."""
    number: int = 0
    """Which of *seen* is its own to write."""
    shared_folder: Path | None = None
    """This user's alone: where all of them count and meet; None of one that is alone."""

    @property
    def writer_path(self) -> Path | None:
        """Where the one that leads records for all."""
        return None if self.shared_folder is None else self.shared_folder / "writer.sock"


class Machinery(Struct, kw_only=True):
    """What the composition root made for the handlers."""

    pool: Pool
    memory: Memory
    glances: Glances
    follower: Follower
    kept: KeptAnswers
    writer: Writer
    workforce: Workforce
    """Who folds for a replay of a long log."""
    tasks: set[asyncio.Task[Any]]
    """What goes on by itself after its request was answered."""
    identity: LogIdentity
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_secret: Callable[[], str]
    outside_keys: Mapping[bytes, Principal]
    """Keys that are set from outside, by their hashes."""
    keys: KeyLookUp
    attempts: Attempts
    doors: Doors
    metrics: Metrics
    vitals: KeptVitals
    is_to_archive: bool = False
    """Whether the server that comes along is set to archive its write-ahead log."""
    tracer: Tracer | None = None
    read_keys_required: bool
    intake: Intake = field(default_factory=Intake)
    """How much of bodies is held."""
    subscribers: Subscribers = field(default_factory=Subscribers)
    """Who follows the log."""
    ends_by: float | None = None
    """When all has to be put away, by the loop's clock; None until the end was asked for."""
    is_readable: bool = True
    """Whether the read models can be asked: not while they are first built, or built by code
    whose rows this one cannot read."""
    place: Place = field(default_factory=Place)

    @property
    def position_seen(self) -> int:
        """The greatest head that any answer of this service was given from."""
        return max(self.place.seen)

    @position_seen.setter
    def position_seen(self, position: int) -> None:
        # To each process its own: two that wrote to one place could undo each other.
        self.place.seen[self.place.number] = position

    def today(self) -> date:
        """The UTC day."""
        return self.now().date()


class Call(Struct, kw_only=True):
    """One request on its way to a handler."""

    machinery: Machinery
    request: Request[Any, Any, Any]
    principal: Principal | None
    path: Mapping[str, str]
    query: Mapping[str, Any]
    connection: Connection | None = None
    times: Times | None = None
    is_negotiated: bool = False
    """Whether `Accept-Datetime` gave the state of knowledge."""
    links: list[str] = field(default_factory=list)
    """Values of the answer's `Link` header, made by `service.api.links.link`."""

    def reading(self) -> tuple[Connection, Times]:
        """What a read handler asks with."""
        assert self.connection is not None, "reads are given a connection"
        assert self.times is not None, "reads are given their times"
        return self.connection, self.times


class Page(Struct, frozen=True):
    """An answer that may go on: where, if it does."""

    answer: Any
    next_place: str | None
    to_links: Callable[[Any, str, str | None], bytes] | None = None
    """From the answer, its address and that of its next page to links."""


Handler = Callable[[Call], Awaitable[Any]]


class Operation(Struct, frozen=True, kw_only=True):
    """One thing that can be asked."""

    id: str
    method: Method
    path: str
    tag: Tag
    summary: str
    handler: Handler
    role: Role | None
    """The least role that it needs; None for reading, which a setting can close."""
    is_reading: bool = False
    """Whether it answers for times, with validators and caching."""
    from_memory: Handler | None = None
    """What answers without the database, or None where that takes the handler."""
    is_kept: bool = False
    """Whether its answers follow from the log and the question alone: the same one stands until
    the head moves."""
    is_momentary: bool = False
    """Whether its answer is of this moment alone: nobody keeps it or asks whether it still holds."""
    params: Sequence[Param] = ()
    timemap: str | None = None
    """Path of the list of the states of knowledge in which this can be asked for."""
    has_link_format: bool = False
    """Whether the answer is links first, and JSON for those who ask for that."""
    body: Mapping[str, Any] | None = None
    """JSON schema of the body."""
    body_example: Any = None
    headers: Sequence[str] = ()
    """Request headers that it reads."""
    status: int = 200
    answer: Any = None
    """Struct or schema of the answer."""
    media_type: str = "application/json"
    """Of the answer."""
    also: Sequence[type[Struct]] = ()
    """Structs of what a write answers that records nothing new."""
    refusals: Sequence[type[Refusal]] = ()
    """What it can refuse, beyond what every operation can."""

    @property
    def is_validated(self) -> bool:
        """Whether its answers bear tags, by which a client asks whether they still hold."""
        return self.method == "GET" and not self.is_momentary
