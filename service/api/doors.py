"""
Who may come in at all, before anything is asked: by which name, how often, from which pages.

Nothing is shut unless it is set.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from service.api.attempts import Attempts, address_of
from service.api.kept import SECURITY_HEADERS
from service.api.noting import note
from service.api.problems import (
    MEDIA_TYPE,
    ShowAtDoor,
    document_of,
    headers_of,
    is_for_people,
)
from service.api.rates import Buckets
from service.domain.refusals import Refusal, TooManyRequests, UnknownHost
from service.log.keys import key_of

Headers = Sequence[tuple[bytes, bytes]]

FOR_MACHINES = ("/healthz", "/readyz", "/metrics")
"""Asked by what watches the service, from beside it and by whatever name."""
UNCOUNTED = "/static/"
"""What pages bring with them: whoever is refused needs it, too, and it costs next to nothing."""
ANYWHERE = "*"
_METHODS = b"GET, HEAD, POST, PUT, DELETE"
_ASKED = (
    b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Accept-Datetime, "
    b"Last-Event-ID, X-Request-Id"
)
_TOLD = (
    b"ETag, Link, Location, Log-Position, Memento-Datetime, Content-Location, "
    b"Idempotent-Replayed, Retry-After, X-Request-Id"
)
_PREFLIGHT_SECONDS = b"600"
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")


class Told(NamedTuple):
    """An answer from the door, but for the id of its request."""

    route: str
    status: int
    headers: Headers
    body: bytes


class Doors:
    """What is let in: *hosts* and *origins* in small letters, empty where none is asked for."""

    def __init__(
        self,
        attempts: Attempts,
        *,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        requests: Buckets | None = None,
        show: ShowAtDoor | None = None,
    ) -> None:
        self._attempts = attempts
        self._show = show
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)
        self._requests = requests

    def shut(self, scope: Mapping[str, Any]) -> Told | None:
        """What whoever is not let in is told, or a page that asks whether it would be; else None."""
        if not (self._hosts or self._origins or self._requests):
            return None
        headers = dict(scope["headers"])
        if scope["path"] not in FOR_MACHINES:
            # All of them: of several, others on the way may take another one than this.
            hosts = [v.decode("latin-1") for n, v in scope["headers"] if n == b"host"] or [""]
            if unknown := [host for host in hosts if self._hosts and not self._is_known(host)]:
                return self._told(scope, headers, UnknownHost(unknown[0]))
            if (seconds := self._taken(scope, headers)) > 0:
                return self._told(scope, headers, TooManyRequests(seconds))
        if (
            scope["method"] == "OPTIONS"
            and b"access-control-request-method" in headers
            and self._is_let_in(headers.get(b"origin"))
        ):
            return Told(
                "preflight",
                204,
                (
                    *SECURITY_HEADERS,
                    (b"access-control-allow-methods", _METHODS),
                    (b"access-control-allow-headers", _ASKED),
                    (b"access-control-max-age", _PREFLIGHT_SECONDS),
                ),
                b"",
            )
        return None

    def headers(self, scope: Mapping[str, Any]) -> Headers:
        """What every answer says to its browser beside the rest."""
        told = [_HTTPS_ONLY] if scope.get("scheme") == "https" else []
        if not self._origins:
            return told
        if ANYWHERE not in self._origins:
            told.append((b"vary", b"Origin"))
        origin = dict(scope["headers"]).get(b"origin")
        if origin is not None and self._is_let_in(origin):
            allowed = b"*" if ANYWHERE in self._origins else origin
            # Never with credentials: a page has to know the key that it sends.
            told.append((b"access-control-allow-origin", allowed))
            told.append((b"access-control-expose-headers", _TOLD))
        return told

    def _is_let_in(self, origin: bytes | None) -> bool:
        if origin is None:
            return False
        return ANYWHERE in self._origins or origin.decode("latin-1").lower() in self._origins

    def _is_known(self, host: str) -> bool:
        name = _without_port(host.lower())
        return name in self._hosts or any(
            known.startswith("*.") and name.endswith(known[1:]) for known in self._hosts
        )

    def _taken(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int:
        """
        Seconds to wait, or 0 and one request less for whoever asks.

        That is a key that was good when it last came from there; else the address, so that nobody
        has more by making up keys.
        """
        if self._requests is None or scope["path"].startswith(UNCOUNTED):
            return 0
        address = address_of(scope)
        key = key_of(headers.get(b"authorization", b"").decode("latin-1"))
        is_known = key is not None and self._attempts.was_good(address, key)
        who = key if is_known else address
        seconds = self._requests.seconds_to_wait(who)
        if seconds == 0:
            self._requests.take(who)
        return seconds

    def _told(
        self, scope: Mapping[str, Any], asked: Mapping[bytes, bytes], refusal: Refusal
    ) -> Told:
        """A document, or a page for a person who asked for one; neither asks the database."""
        note(scope, problem=refusal.code)
        document, more = document_of(refusal), headers_of(refusal)
        accept = asked.get(b"accept", b"*/*").decode("latin-1")
        headers: Mapping[str, str] = {"Content-Type": MEDIA_TYPE}
        if self._show is not None and is_for_people(scope["path"], accept):
            body, headers = self._show(document)
        else:
            body = msgspec.json.encode(document)
        headers = {**headers, "Content-Length": str(len(body)), **more}
        sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        names = {name for name, _ in sent}
        others = [(name, value) for name, value in SECURITY_HEADERS if name not in names]
        return Told("door", document.status, (*sent, *others), body)


def _without_port(host: str) -> str:
    """
    The name in a Host header, which is in brackets if it is an address of IPv6.

    >>> _without_port("[::1]:8000"), _without_port("example.org.:80")
    ('[::1]', 'example.org')
    """
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].removesuffix(".")
