"""Keys that were tried, by address: whoever guesses must not guess fast."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import structlog

from service.api.rates import KNOWN_MAX, Buckets
from service.domain.refusals import TooManyAttempts

IPV6_NETWORK_BITS = 64
"""A client has such a network at least, and all the addresses in it."""

log = structlog.get_logger()


class Attempts:
    """
    Which keys came from which address, and whether they were good.

    A guess is a key that did not come from there before. One that did may come again however many
    others were wrong: who works from an address is not shut out by who guesses from it, and a
    client that keeps sending a key that was revoked guesses nothing.
    """

    def __init__(self, wrong: Buckets | None) -> None:
        self._wrong = wrong
        self._known: OrderedDict[tuple[str, bytes], bool] = OrderedDict()
        """Addresses and hashes of keys, and whether they were good when they came last."""

    def check(self, address: str, hashed: bytes) -> None:
        """
        Let a key be looked up.

        Raises:
            TooManyAttempts: it is one more guess, after too many.
        """
        if self._wrong is None or (address, hashed) in self._known:
            return
        if seconds := self._wrong.seconds_to_wait(address):
            raise TooManyAttempts(seconds)

    def note(self, address: str, hashed: bytes, *, is_good: bool) -> None:
        """What came of looking it up."""
        known = (address, hashed)
        if not is_good and self._wrong is not None and known not in self._known:
            had_some = not self._wrong.seconds_to_wait(address)
            self._wrong.take(address)
            if had_some and self._wrong.seconds_to_wait(address):
                log.warning("keys_guessed", address=address)
        self._known[known] = is_good
        self._known.move_to_end(known)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    def was_good(self, address: str, hashed: bytes) -> bool:
        """Whether the key was good when it last came from there."""
        return self._known.get((address, hashed), False)


def address_of(scope: Mapping[str, Any]) -> str:
    """Where a request comes from, as far as one client can be told from another by it."""
    client = scope.get("client")
    return _told_apart(client[0]) if client else ""


@lru_cache(maxsize=1024)
def _told_apart(host: str) -> str:
    """
    An address, of IPv6 the network.

    >>> _told_apart("2001:db8:1:2:3:4:5:6"), _told_apart("::ffff:192.0.2.1")
    ('2001:db8:1:2::/64', '192.0.2.1')
    """
    try:
        address = ip_address(host)
    except ValueError:
        # A proxy may say anything.
        return host[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # Of an address of this link, without the name of the link.
    return str(ip_network((int(address), IPV6_NETWORK_BITS), strict=False))
