"""What fields of structs mean, as their declarations say it in code, for the OpenAPI document."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.inspect import Field, StructType, Type, multi_type_info


def described(schemas: Mapping[str, Any], types: Iterable[type]) -> dict[str, Any]:
    """
    The schemas of *types*, and of what is in them, with what is said of their fields in code.

    Shapes: *schemas* by the names of their structs. What a schema says by itself stands.
    """
    structs = {one.__name__: one for one in _structs(multi_type_info(types))}
    return {
        name: _with_fields(schema, fields_of(structs[name])) if name in structs else dict(schema)
        for name, schema in schemas.items()
    }


def fields_of(struct: type[Struct]) -> dict[str, str]:
    """What is said of the fields of *struct*, by the names that they have on the wire."""
    said: dict[str, str] = {}
    for one in reversed(struct.__mro__):
        if issubclass(one, Struct) and one is not Struct:
            said.update(_said_in(one))
    fields = msgspec.structs.fields(struct)
    return {field.encode_name: said[field.name] for field in fields if field.name in said}


def _with_fields(schema: Mapping[str, Any], said: Mapping[str, str]) -> dict[str, Any]:
    properties = {
        name: {"description": said[name], **value} if name in said else value
        for name, value in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties} if properties else dict(schema)


def _said_in(struct: type[Struct]) -> Iterator[tuple[str, str]]:
    """A field, and the string that follows its declaration."""
    for before, after in pairwise(_declared_in(struct.__module__)[struct.__name__].body):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())


@cache
def _declared_in(module: str) -> Mapping[str, ast.ClassDef]:
    """The classes of a module as written, read once: to look for each would read it each time."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}


def _structs(types: Iterable[Type]) -> set[type[Struct]]:
    found: set[type[Struct]] = set()
    waiting = list(types)
    while waiting:
        one = waiting.pop()
        if isinstance(one, StructType):
            if one.cls in found:
                continue
            found.add(one.cls)
        waiting += _within(one)
    return found


def _within(one: Type | Field) -> Iterator[Type]:
    """The types that one is made of, such as those of a union or of the fields of a struct."""
    for value in msgspec.structs.asdict(one).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Type):
                yield part
            elif isinstance(part, Field):
                yield from _within(part)
