"""
Between the fields of a form and the body of an event, both ways: pure.

A field is called as the JSON pointer of what it says, without the first slash, so that a fault of
a body stands at its field: `sources/0/url`. A name is typed as a text; three fields beside it say
that it is somebody's who is to be added: `person/new`, with `person/id` and `person/aliases/0`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.answers.names import Named
from service.domain.events import FACTS

TYPE = "type"
NEW, ID, NAME, ALIASES = "new", "id", "name", "aliases"
DEPTH_MAX = 6
"""No field of an event lies deeper."""
DIGITS_MAX = 4
"""Of the number of a row; a form has fewer fields."""
_OWN = ""
"""Where a node of the tree keeps its own text."""

Fields = Mapping[str, str]
Node = dict[str, Any]


def body_of(fields: Fields) -> dict[str, Any]:
    """
    The event that the fields of a form say; what was left empty is left out.

    Shapes: fields that the type does not have are passed over, as are those with odd names.

    >>> body_of({"type": "hire", "person": "Ada", "person/new": "on", "note": " "})
    {'type': 'hire', 'person': {'name': 'Ada'}}
    """
    type_ = fields.get(TYPE, "")
    known = FACTS[type_].__struct_fields__ if type_ in FACTS else ()
    tree: Node = {}
    for name, text in fields.items():
        path = name.split("/")
        if path[0] in known and all(path) and len(path) <= DEPTH_MAX:
            _put(tree, path, text.replace("\r\n", "\n"))
    said = {name: _value(tree[name]) for name in known if name in tree}
    return {TYPE: type_} | {name: value for name, value in said.items() if value is not None}


def fields_of(body: Mapping[str, Any]) -> dict[str, str]:
    """
    The fields of a form that says *body*.

    Shapes: an event as it was sent, or as it reads, in which people and labs are `Named`.
    """
    return dict(_fields(body, ""))


def _put(node: Node, path: list[str], text: str) -> None:
    for part in path:
        node = node.setdefault(part, {})
    node[_OWN] = text


def _value(node: Node) -> Any:
    """What a node says; None of one that says nothing."""
    own = _text(node)
    if _text(node.get(NEW, {})) is not None:
        return _entity(node, own)
    if own is not None:
        return own
    under = {name: value for name, value in node.items() if name != _OWN}
    if under and all(map(is_number, under)):
        found = [_value(under[name]) for name in sorted(under, key=int)]
        return [value for value in found if value is not None] or None
    values = {name: _value(value) for name, value in under.items()}
    # The id of somebody who is not to be added is nobody's.
    kept = {k: v for k, v in values.items() if v is not None and k not in (NEW, ID)}
    return kept or None


def _entity(node: Node, own: str | None) -> dict[str, Any] | None:
    said = {
        ID: (_text(node.get(ID, {})) or "").strip() or None,
        NAME: own,
        ALIASES: _value(node.get(ALIASES, {})),
    }
    return {name: value for name, value in said.items() if value is not None} or None


def is_number(name: str) -> bool:
    """Whether a part of a field's name is the number of a row."""
    return name.isascii() and name.isdigit() and len(name) <= DIGITS_MAX


def _text(node: Node) -> str | None:
    text = node.get(_OWN)
    return text if isinstance(text, str) and text.strip() else None


def _fields(value: Any, name: str) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case str():
            yield name, value
        case Named():
            yield name, value.id
        case {"name": _} | {"id": _} if _is_entity(value, name):
            if value.get(NAME) is not None:
                yield name, value[NAME]
            yield f"{name}/{NEW}", "on"
            if value.get(ID) is not None:
                yield f"{name}/{ID}", value[ID]
            yield from _fields(value.get(ALIASES), f"{name}/{ALIASES}")
        case Mapping():
            for key, each in value.items():
                yield from _fields(each, f"{name}/{key}" if name else key)
        case list() | tuple():
            for i, each in enumerate(value):
                yield from _fields(_founder(each, name), f"{name}/{i}")
        case _:
            yield name, str(value)


def _is_entity(value: Mapping[str, Any], name: str) -> bool:
    """Whether an object stands for somebody: an event and its ids elsewhere do not."""
    return bool(name) and value.keys() <= {ID, NAME, ALIASES}


def _founder(each: Any, name: str) -> Any:
    """A founder as an object, whichever way it is said."""
    if name != "founders" or (isinstance(each, Mapping) and "person" in each):
        return each
    return {"person": each}
