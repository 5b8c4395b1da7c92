"""Named SQL statements, kept beside the module that runs them."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name:[ \t]*(.*)$", re.MULTILINE)


class BadStatementFile(Exception):
    """A file of statements with text before the first name, an empty or a repeated name."""


def load_statements(package: str, file: str) -> dict[str, str]:
    """
    The statements of *file* in *package*, by name.

    A missing name is a KeyError at import, not at the first request.

    Raises:
        BadStatementFile: see there.
    """
    return parse_statements(files(package).joinpath(file).read_text("utf-8"), file)


def parse_statements(text: str, file: str) -> dict[str, str]:
    """The statements of *text*, each with its comments."""
    head, *rest = _NAME.split(text)
    if any(line.strip() and not line.startswith("--") for line in head.splitlines()):
        raise BadStatementFile(f"{file}: there is SQL before the first '-- name:'.")
    statements: dict[str, str] = {}
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        if not name.strip() or name.strip() in statements:
            raise BadStatementFile(f"{file}: the name '{name.strip()}' is empty or repeated.")
        statements[name.strip()] = body.strip()
    return statements
