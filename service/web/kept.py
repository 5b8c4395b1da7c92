"""Whole pages that are kept: what was shown is shown again, to the same visitor, while it stands."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from litestar import Request, Response

from service.answers.kept import Kept, Standing
from service.log.keys import Role
from service.web.packing import takes_gzip

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


def question_of(request: Request[Any, Any, Any], token: str | None, role: Role | None) -> Question:
    """What *request* asks, of a session and its role if somebody is signed in."""
    scope = request.scope
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Question(raw_path, scope["query_string"], takes_gzip(request.headers), token, role)


def to_keep(response: Response[bytes], stands_while: Standing) -> KeptPage:
    """A page that was made, as it is kept."""
    media_type = str(response.media_type)
    return KeptPage(response.content, dict(response.headers), media_type, stands_while)
