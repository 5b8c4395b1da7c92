"""The examples in the docstrings of the domain hold."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

from service import domain

MODULES = sorted(module.name for module in iter_modules(domain.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(import_module(f"service.domain.{name}")).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [import_module(f"service.domain.{name}") for name in MODULES]
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) >= 5
