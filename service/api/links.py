"""Links in headers: where an answer's next page, its true address and its other states are."""

from collections.abc import Mapping
from urllib.parse import quote


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
            parts[i] = quote(names[part.strip("{}").partition(":")[0]], safe="")
    return "/".join(parts)
