"""What a test went through, counted as it goes: for the report of the proof, and for nobody else."""

from collections import Counter
from typing import Literal

Kind = Literal["fault", "interleaving", "input"]
"""A fault that passed, an order of writers' statements that was tried, something that was sent."""

counts: Counter[tuple[Kind, str]] = Counter()
"""Of the test that runs, by kind and by what it was."""


def count(kind: Kind, what: str, number: int = 1) -> None:
    """That so much was gone through just now; *what* is a row of the report."""
    counts[kind, what] += number
