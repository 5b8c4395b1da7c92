"""Links in headers: where an answer's next page, its true address and its other states are."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What stays as it is in every part of an address; to see that takes a tenth of quoting it."""


def link(target: str, *relations: str, **attributes: str) -> str:
    """
    One value of a `Link` header.

    Source: RFC 8288. Targets are paths, so that no proxy's address and no forged host is in them.

    >>> link("/v1/labs/x", "original", "timegate")
    '</v1/labs/x>; rel="original timegate"'
    """
    said = "".join(f'; {name}="{value}"' for name, value in attributes.items())
    return f'<{target}>; rel="{" ".join(relations)}"{said}'


def path_of(template: str, names: Mapping[str, str]) -> str:
    """
    The path of an operation with *names* filled in.

    >>> path_of("/v1/labs/{lab:str}/timeline", {"lab": "Qwen/Tongyi"})
    '/v1/labs/Qwen%2FTongyi/timeline'
    """
    parts = template.split("/")
    for i, part in enumerate(parts):
        if part.startswith("{"):
            name = names[part.strip("{}").partition(":")[0]]
            parts[i] = name if _PLAIN.fullmatch(name) else quote(name, safe="")
    return "/".join(parts)


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    """
    Names and values as a query.

    >>> query_of([("at", "2024-06-01"), ("q", "a b&c")])
    'at=2024-06-01&q=a+b%26c'
    """
    return "&".join(
        f"{name}={value}" if _PLAIN.fullmatch(name + value) else urlencode([(name, value)])
        for name, value in pairs
    )
