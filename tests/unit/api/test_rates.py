"""Buckets of tokens, and where requests come from."""

import pytest

from service.api import rates
from service.api.attempts import address_of
from service.api.rates import Buckets


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_each_has_a_bucket_that_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(3, 60, clock)
    for _ in range(3):
        assert buckets.seconds_to_wait("ann") == 0
        buckets.take("ann")
    assert buckets.seconds_to_wait("ann") == 20
    assert buckets.seconds_to_wait("bob") == 0
    clock.at += 19
    assert buckets.seconds_to_wait("ann") == 1
    clock.at += 1
    assert buckets.seconds_to_wait("ann") == 0
    clock.at += 1_000_000
    for _ in range(3):
        buckets.take("ann")
    assert buckets.seconds_to_wait("ann") == 20, "it holds no more than it did at first"


def test_what_many_took_at_once_is_owed() -> None:
    clock = Clock()
    buckets = Buckets(3, 60, clock)
    for _ in range(100):
        buckets.take("ann")
    assert buckets.seconds_to_wait("ann") == 80
    clock.at += 80
    assert buckets.seconds_to_wait("ann") == 0


def test_who_came_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "KNOWN_MAX", 2)
    buckets = Buckets(1, 60, Clock())
    for who in ("ann", "bob", "ann", "cid"):
        buckets.take(who)
    assert buckets.seconds_to_wait("bob") == 0
    assert buckets.seconds_to_wait("ann") > 0
    assert buckets.seconds_to_wait("cid") > 0


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (("unknown" * 100, 0), ("unknown" * 100)[:64]),
        (None, ""),
    ],
)
def test_address_tells_one_client_from_another(
    client: tuple[str, int] | None, address: str
) -> None:
    assert address_of({"client": client}) == address
