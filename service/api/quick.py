"""
The short way: questions that anybody may ask and that are answered from memory.

Routing, requests and responses of the framework cost several times what such an answer does. The
short way says the same as the long one, by the same functions, and gives up wherever there is
anything to refuse.
"""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Request
from litestar.types import HTTPScope

from service.answers.kept import Standing
from service.api.dispatch import names_in, read
from service.api.kept import KeptAnswer, question_of, to_send
from service.api.operations import Call, Machinery, Operation
from service.api.params import parse_query
from service.api.routes import OPERATIONS

_FROM_MEMORY = [(op, op.path.split("/")) for op in OPERATIONS if op.from_memory is not None]
_METHODS = ("GET", "HEAD")


async def answer_quickly(scope: Mapping[str, Any], machinery: Machinery) -> KeptAnswer | None:
    """
    The answer to a request, or None where it takes the long way.

    Shapes: *scope* with the path in which slashes of names are marked.
    """
    if (
        scope["method"] not in _METHODS
        or machinery.read_keys_required
        or not machinery.is_readable
        or any(name == b"authorization" for name, _ in scope["headers"])
    ):
        return None
    kept = machinery.kept.find(question_of(scope))
    if kept is None and _operation_of(scope["path"]) is None:
        return None
    try:
        return await _answer(scope, machinery, kept)
    except Exception:  # noqa: BLE001 (the long way comes to the same, and tells it)
        return None


async def _answer(
    scope: Mapping[str, Any], machinery: Machinery, kept: KeptAnswer | None
) -> KeptAnswer | None:
    current = None
    if kept is not None:
        today = machinery.today()
        current = await machinery.memory.current()
        if kept.stands_while == Standing(current.head, current.made, today):
            machinery.metrics.count_answer("kept")
            return kept
    found = _operation_of(scope["path"])
    if found is None:
        return None
    operation, names = found
    call = Call(
        machinery=machinery,
        request=Request(cast("HTTPScope", scope)),
        principal=None,
        path=names_in(names),
        query=parse_query(scope["query_string"], operation.params),
    )
    answered = await read(operation, call, current)
    told = to_send(operation.id, answered)
    if answered.is_lasting:
        machinery.kept.keep(question_of(scope), told)
    return told


def _operation_of(path: str) -> tuple[Operation, dict[str, str]] | None:
    """What a path asks that is answered from memory, and the names in it."""
    parts = path.split("/")
    for operation, template in _FROM_MEMORY:
        if len(parts) == len(template):
            names: dict[str, str] = {}
            for part, expected in zip(parts, template, strict=True):
                if expected.startswith("{"):
                    names[expected.strip("{}").partition(":")[0]] = part
                elif part != expected:
                    break
            else:
                return operation, names
    return None
