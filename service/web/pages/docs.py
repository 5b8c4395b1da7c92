"""The OpenAPI document as a page for people."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from litestar import Response
from markupsafe import Markup

from service.web.page import Page
from service.web.rendering import rendered
from service.web.visits import Visit


async def docs(visit: Visit) -> Response[bytes]:
    info, operations = _shown(visit.site.document)
    return visit.show("docs.html", info=info, operations=operations)


@cache
def _shown(document: Callable[[], Mapping[str, Any]]) -> tuple[Mapping[str, Any], Markup]:
    """What the API is, and its operations: long, the same for everybody, made when asked for."""
    told = document()
    tags = [tag["name"] for tag in told["tags"]]
    page = rendered("operations.html", tags=tags, operations=_operations(told))
    return told["info"], Markup(page)  # noqa: S704 (a template's own)


def _operations(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


PAGES = (Page(name="docs", path="/docs", answer=docs, is_open=True),)
