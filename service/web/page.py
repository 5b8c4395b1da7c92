"""What a page is: where it stands, who may see it, what answers."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from litestar import Response
from msgspec import Struct

from service.log.keys import Principal, Role
from service.web.visits import Visit


class Page(Struct, frozen=True, kw_only=True):
    """One page, or what one of its forms is sent to."""

    name: str
    path: str
    """As the framework has it, such as `/labs/{lab:str}`."""
    answer: Callable[[Visit], Awaitable[Response[Any]]]
    method: Literal["GET", "POST"] = "GET"
    role: Role | None = None
    """The least role that it needs; None for reading, which a setting can close."""
    is_open: bool = False
    """Whether it shows nothing of the log, so that anybody may see it where reading is closed."""
    is_lasting: bool = False
    """
    Whether it follows from the log, the day and who asks alone: it is shown again as it was made
    while these stand.
    """
    begins_session: bool = False
    """Whether its form is sent before there is a session, by which forms are known otherwise."""

    def is_for(self, principal: Principal | None, *, is_closed: bool) -> bool:
        """Whether *principal* may see it, if reading *is_closed* or not."""
        if self.is_open:
            return True
        role = self.role or ("reader" if is_closed else None)
        return role is None or (principal is not None and principal.may(role))
