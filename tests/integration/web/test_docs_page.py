"""The page of the API: every operation of the document, each at an address of its own."""

import re
from collections import Counter

import httpx

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
