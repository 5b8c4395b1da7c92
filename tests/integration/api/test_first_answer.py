"""From an empty log to the first answer, over HTTP."""

import httpx


async def test_a_hire_is_on_the_roster_of_its_day(client: httpx.AsyncClient) -> None:
    hire = {
        "type": "hire",
        "person": {"name": "Ada Lovelace"},
        "lab": {"name": "Analytical Engines"},
        "date": "2024-01-10",
    }
    recorded = await client.post("/v1/events", json=hire)
    assert recorded.status_code == 201, recorded.text
    answer = (await client.get("/v1/labs/analytical engines?at=2024-01-10")).json()
    assert [m["person"]["id"] for m in answer["members"]] == ["ada-lovelace"]
    assert answer["headcount"] == {"certain": 1, "presumed": 0, "possible": 0}
