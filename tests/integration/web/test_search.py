"""The box leads to the page that answers, and where there is none, to what is near."""

import httpx
import pytest


async def led(reader: httpx.AsyncClient, q: str, **also: str) -> str:
    """The address to which the box leads."""
    answer = await reader.get("/", params={"q": q, **also}, headers={"Accept": "text/html"})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize(
    ("q", "address"),
    [
        ("who was at DeepMind on 2024-06-01", "/labs/google-deepmind?at=2024-06-01"),
        ("Who was at deepmind on June 1st, 2024?", "/labs/google-deepmind?at=2024-06-01"),
        ("where was Lucas Beyer in May 2025", "/people/lucas-beyer?at=2025-05-31"),
        (
            "moves from OpenAI to Anthropic in 2024",
            "/moves?from_lab=openai&to_lab=anthropic&from=2024-01-01&to=2024-12-31",
        ),
        ("google brain", "/labs/google-brain"),
        ("  LUCAS   beyer ", "/people/lucas-beyer"),
    ],
)
async def test_question_leads_to_its_answer(
    reader: httpx.AsyncClient, q: str, address: str
) -> None:
    assert await led(reader, q) == address


async def test_keeps_the_state_of_knowledge(reader: httpx.AsyncClient) -> None:
    address = await led(reader, "who was at OpenAI on 2024-06-01", known_at="900", at="2020-01-01")
    assert address == "/labs/openai?at=2024-06-01&known_at=900"
    assert await led(reader, "OpenAI", at="2020-01-01") == "/labs/openai?at=2020-01-01"


async def test_part_of_a_name_lists_those_who_have_it(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/", params={"q": "kolesnik"}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert 'href="/people/alexander-kolesnikov"' in page.text


async def test_miss_offers_near_names_and_examples(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/", params={"q": "who was at DeepMnid on 2024-06-01"})
    assert page.status_code == 200
    assert "DeepMind" in page.text
    assert "/?q=who%20was%20at%20DeepMind%20on%202024-06-01" in page.text
    nothing = await reader.get("/", params={"q": "who was <b>there</b>"})
    assert nothing.status_code == 200
    assert "<b>there" not in nothing.text
