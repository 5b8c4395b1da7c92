"""The pages: a first one that says where to begin, and the documentation of the API."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_TEMPLATES = Environment(
    loader=PackageLoader("service.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def home_page(*, position: int, first_question: str) -> str:
    """Where a browser that opens the address begins."""
    return _TEMPLATES.get_template("home.html").render(
        position=position, first_question=first_question
    )


def docs_page(document: Mapping[str, Any]) -> str:
    """The OpenAPI document as a page for people."""
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return _TEMPLATES.get_template("docs.html").render(
        info=document["info"],
        tags=[tag["name"] for tag in document["tags"]],
        operations=operations,
    )
