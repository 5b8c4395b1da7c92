"""Writes the golden OpenAPI document anew: `python -m tests.contract.write_openapi`."""

import json
from pathlib import Path

from service.api.openapi import document

GOLDEN = Path(__file__).with_name("openapi.json")


def as_committed() -> str:
    """The document as it is committed: a diff of it can be read."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(as_committed(), encoding="utf-8")
