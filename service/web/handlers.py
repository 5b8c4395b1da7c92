"""The pages as route handlers."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from litestar import Response, get

from service.web.pages import CONTENT_SECURITY_POLICY, docs_page, home_page

_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}


def page_handlers(
    document: Callable[[], Mapping[str, Any]], position: Callable[[], int], first_question: str
) -> dict[str, Any]:
    """Every page by name; what is described in *document* is made when it is first asked for."""
    css = _static("page.css")
    icon = _static("icon.svg")

    @get("/", sync_to_thread=False, name="home")
    def home() -> Response[str]:
        page = home_page(position=position(), first_question=first_question)
        return Response(page, media_type="text/html", headers=_HEADERS)

    @cache
    def docs() -> str:
        return docs_page(document())

    @get("/docs", sync_to_thread=False, name="docs")
    def documentation() -> Response[str]:
        return Response(docs(), media_type="text/html", headers=_HEADERS)

    @get("/static/page.css", sync_to_thread=False, name="css")
    def stylesheet() -> Response[str]:
        return Response(css, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @get(["/static/icon.svg", "/favicon.ico"], sync_to_thread=False, name="icon")
    def picture() -> Response[str]:
        return Response(icon, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    return {"icon": picture, "home": home, "docs": documentation, "css": stylesheet}


def _static(name: str) -> str:
    return files("service.web").joinpath("static", name).read_text("utf-8")
