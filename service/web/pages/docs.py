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
    document = visit.site.document
    return visit.show("docs.html", info=document()["info"], operations=_shown(document))


@cache
def _shown(document: Callable[[], Mapping[str, Any]]) -> Markup:
    """Long, and the same for everybody: made when it is first asked for."""
    told = document()
    tags = [tag["name"] for tag in told["tags"]]
    return Markup(rendered("operations.html", tags=tags, operations=_operations(told)))  # noqa: S704 (a template's own)


def _operations(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


PAGES = (Page(name="docs", path="/docs", answer=docs, is_open=True),)
