"""How often a page that nobody asked for waits for the database."""

from typing import Any

import asyncpg
import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import SEED, record
from tests.support.browsing import browser

ASKING = ("fetch", "fetchrow", "fetchval", "execute")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are run, in order."""
    found: list[str] = []

    def noted(one: Any) -> Any:
        async def run(self: Any, statement: str, *values: Any, **how: Any) -> Any:
            found.append(statement)
            return await one(self, statement, *values, **how)

        return run

    for name in ASKING:
        monkeypatch.setattr(asyncpg.Connection, name, noted(getattr(asyncpg.Connection, name)))
    return found


@pytest.mark.parametrize(
    ("address", "before", "trips"),
    [
        ("/?at=2021-03-01", 1, 6),
        ("/people/ada?at=2021-03-01", 1, 10),
        # The first days are answered by the database, and then the lab is held.
        ("/labs/engines?at=2021-03-01", 0, 9),
        ("/labs/engines?at=2021-03-01", 3, 4),
    ],
)
async def test_round_trips_of_a_page(
    address: str,
    before: int,
    trips: int,
    client: httpx.AsyncClient,
    made: Machinery,
    asked: list[str],
) -> None:
    await record(client, *SEED)
    await made.glances.count()
    async with browser(made) as reader:
        for day in range(before):
            await reader.get(address.replace("2021-03-01", f"2021-02-0{day + 1}"))
        asked.clear()
        page = await reader.get(address)
    assert page.status_code == 200
    assert len(asked) == trips, "\n\n".join(asked)
