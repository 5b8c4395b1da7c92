"""The page of the API: every operation of the document, each at an address of its own."""

import re
from collections import Counter

import httpx
import pytest

from service.api import openapi
from service.api.openapi import document
from tests.support.browsing import Elements


async def test_every_operation_is_found_and_has_an_address(anonymous: httpx.AsyncClient) -> None:
    shown = (await anonymous.get("/docs", headers={"Accept": "text/html"})).text
    ids = Counter(said["id"] for _, said in Elements(shown).found if "id" in said)
    assert max(ids.values()) == 1, "an address leads to one place"
    listed = shown[: shown.index('<article class="operation"')]
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            assert ids[name] == 1
            said = f'<span class="method">{method.upper()}</span> {path}</code></a>'
            assert f'<a href="#{name}"><code>{said}' in listed, (method, path)
            assert f'<h3><a href="#{name}"><code>{said}' in shown
    led_to = re.findall(r'href="#([^"]+)"', shown)
    assert set(led_to) <= set(ids)


async def test_document_is_made_once(
    anonymous: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a tenth of a second, in which nobody else is answered, and the page is for anybody."""
    first = await anonymous.get("/docs", headers={"Accept": "text/html"})

    def made_again(*_: object) -> None:
        raise AssertionError("it is made again")

    monkeypatch.setattr(openapi, "described", made_again)
    again = await anonymous.get("/docs", headers={"Accept": "text/html"})
    assert (first.status_code, again.status_code) == (200, 200)
