"""What the composition root made for the pages."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from litestar import Request
from msgspec import Struct

from service.answers.glances import Glances
from service.answers.memory import Memory
from service.log.keys import Principal
from service.log.sessions import Sessions
from service.postgres.pool import Pool
from service.read_models.starting import Starter
from service.recording.writer import Writer
from service.web.kept import KeptPages
from service.web.lately import Lately
from service.web.pictures.kept import Pictures


class Site(Struct, frozen=True, kw_only=True):
    """
    What pages ask with.

    The functions are those of the API, which `web` does not import: keys, bodies and names are
    taken here as they are taken there.
    """

    pool: Pool
    memory: Memory
    lately: Lately
    last_corrections: Lately
    """Apart: they are many, and what they would push out is dear."""
    kept: KeptPages
    pictures: Pictures
    glances: Glances
    sessions: Sessions
    writer: Writer
    now: Callable[[], datetime]
    new_secret: Callable[[], str]
    is_closed: Callable[[], bool]
    """Whether reading needs a key."""
    document: Callable[[], Mapping[str, Any]]
    """The OpenAPI document."""
    find_key: Callable[[bytes, Mapping[str, Any]], Awaitable[Principal]]
    """Whose key has a hash, which came with a request of some scope; or refuses, and counts it."""
    read_body: Callable[[Request[Any, Any, Any]], Awaitable[bytes]]
    """A body, within limits of size and time."""
    check_readable: Callable[[], Awaitable[None]]
    """Refuses while the read models cannot be asked."""
    names_in: Callable[[Mapping[str, Any]], Mapping[str, str]]
    """The names in a path."""
    saw: Callable[[int], None]
    """Told of each head that a page wrote."""
    replays: Starter
    while_wanted: Callable[[Request[Any, Any, Any], Awaitable[Any]], Awaitable[Any]]
    """An answer; None and its end as soon as who asked hangs up."""
    note: Callable[..., None]
    """Lets the line of a request in the log say more."""
