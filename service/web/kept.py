"""Whole pages that are kept: what was shown is shown again, to the same visitor, while it stands."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from litestar import Response

from service.answers.kept import Kept, Standing
from service.log.keys import Role

WEIGHT_MAX = 8 * 1024 * 1024
"""Bytes that all of them may take together: some hundreds, since most are compressed."""


class Question(NamedTuple):
    """What tells one page from another, and who may have it."""

    raw_path: bytes
    query: bytes
    takes_gzip: bool
    token: str | None
    """Of the session: a page holds what its own session's forms send, and no other one may see."""
    role: Role | None
    """Of the key behind the session, by which pages differ."""
    part: str | None
    """Of the page; None of all of it."""


class KeptPage(NamedTuple):
    """A page as it is sent."""

    body: bytes
    headers: Mapping[str, str]
    media_type: str
    stands_while: Standing

    def response(self) -> Response[bytes]:
        """The page once more."""
        return Response(self.body, headers=dict(self.headers), media_type=self.media_type)


KeptPages: TypeAlias = Kept[Question, KeptPage]


def to_keep(response: Response[bytes], stands_while: Standing) -> KeptPage:
    """A page that was made, as it is kept."""
    media_type = str(response.media_type)
    return KeptPage(response.content, dict(response.headers), media_type, stands_while)
