"""The words of the house: each in use, and none of those that stand for them elsewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    path: path.read_text()
    for path in sorted((ROOT / "service").rglob("*"))
    if path.suffix in (".py", ".sql")
}
CODE = "\n".join(SOURCES.values()).lower()


def glossary() -> list[str]:
    text = (ROOT / "service" / "README.md").read_text()
    table = text.split("## Glossary")[1].split("## Decisions")[0]
    words = re.findall(r"^\| ([a-z ,]+?) \|", table, re.MULTILINE)
    return [w for line in words for w in line.split(", ") if w not in ("word", "valid time")]


@pytest.mark.parametrize("word", glossary())
def test_the_word_is_in_use(word: str) -> None:
    spellings = {word, word.replace(" ", "_"), word.replace(" ", "")}
    if word == "transaction time":
        spellings = {"known_at"}
    assert any(s in CODE for s in spellings)


@pytest.mark.parametrize("never", ["as_of", "system_time", "event_time", "tenure", "journal"])
def test_no_other_word_stands_for_ours(never: str) -> None:
    found = [str(p) for p, text in SOURCES.items() if re.search(rf"\b{never}\b", text)]
    assert found == []
