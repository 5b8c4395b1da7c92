"""Every SQL statement of the service is what its header says, on the migrated schema."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

import service
from service.app import SEARCH_PATH
from service.postgres.pool import Connection
from service.postgres.statements import load_statements, parse_statements

ROOT = Path(service.__file__).parent
_PARAMETER = re.compile(r"\$([0-9]+) ([a-z_]+) ((?:[a-z]+)(?: precision)?(?:\[\])?)")
_SPELLED = {
    "int8": "bigint",
    "int4": "integer",
    "float8": "double precision",
    "bool": "boolean",
}
_UNPLANNED = ("CREATE", "DROP", "ALTER", "ANALYZE", "SET", "RESET", "BEGIN")
"""Commands that Postgres looks at only when it runs them."""


class Statement(NamedTuple):
    file: Path
    name: str
    text: str

    @property
    def header(self) -> str:
        lines = self.text.splitlines()
        return "\n".join(lines[: next(i for i, line in enumerate(lines) if line[:2] != "--")])

    @property
    def declared(self) -> list[tuple[int, str, str]]:
        """Number, name and type of each parameter."""
        return [(int(n), name, type_) for n, name, type_ in _PARAMETER.findall(self.header)]

    @property
    def commands(self) -> list[str]:
        """The text at each semicolon that ends a line; most statements are one command."""
        parts = re.split(r";[ \t]*$", self.text, flags=re.MULTILINE)
        return [part for part in parts if _bare(part)]


def statements() -> Iterator[Statement]:
    for file in sorted(ROOT.rglob("*.sql")):
        for name, text in parse_statements(file.read_text("utf-8"), file.name).items():
            yield Statement(file, name, text)


STATEMENTS = list(statements())
each_statement = pytest.mark.parametrize(
    "statement", STATEMENTS, ids=lambda s: f"{s.file.parent.name}/{s.file.stem}:{s.name}"
)


def _bare(text: str) -> str:
    return re.sub(r"--.*$", "", text, flags=re.MULTILINE).strip()


@each_statement
def test_parameters_are_declared_in_order_and_used(statement: Statement) -> None:
    declared = [number for number, _, _ in statement.declared]
    used = {int(n) for n in re.findall(r"\$([0-9]+)", _bare(statement.text))}
    assert declared == list(range(1, len(declared) + 1))
    assert set(declared) == used


@each_statement
def test_name_is_used_by_the_module_beside_it(statement: Statement) -> None:
    code = statement.file.with_suffix(".py").read_text("utf-8")
    direct = f'"{statement.name}"' in code
    for_each_model = re.sub(r"_[a-z]+$", "_{model}", statement.name)
    assert direct or f'"{for_each_model}"' in code


async def test_every_statement_is_prepared_with_the_declared_types(shared_database: str) -> None:
    """
    It parses, its tables and columns exist, and its parameters are of the types in its header.

    Those about the tables that a replay builds are prepared while there are such.
    """
    assert len(STATEMENTS) > 60
    connection = await asyncpg.connect(
        shared_database, server_settings={"search_path": SEARCH_PATH}
    )
    try:
        transaction = connection.transaction()
        await transaction.start()
        tables = load_statements("service.read_models", "tables.sql")
        await connection.execute(tables["create_next"])
        faults = [fault for s in STATEMENTS for fault in await _faults(connection, s)]
        await transaction.rollback()
    finally:
        await connection.close()
    assert faults == []


async def _faults(connection: Connection, statement: Statement) -> list[str]:
    """What is not as the header of *statement* says."""
    where = f"{statement.file.name}:{statement.name}"
    faults = []
    for command in statement.commands:
        try:
            async with connection.transaction():
                prepared = await connection.prepare(command)
        except asyncpg.PostgresError as fault:
            faults.append(f"{where}: {fault}")
            continue
        types = [_type_name(t) for t in prepared.get_parameters()]
        if types != [type_ for _, _, type_ in statement.declared]:
            faults.append(f"{where} takes {types}")
        columns = [a.name for a in prepared.get_attributes()]
        if len(set(columns)) < len(columns):
            faults.append(f"{where} gives {columns}")
    return faults


@each_statement
def test_only_plumbing_holds_several_commands(statement: Statement) -> None:
    """A planned command stands alone, so that it is prepared once and takes parameters."""
    kinds = [_bare(command).split()[0] for command in statement.commands]
    assert len(kinds) == 1 or kinds[0] in _UNPLANNED


def _type_name(given: asyncpg.Type) -> str:
    name, brackets, _ = given.name.partition("[]")
    return _SPELLED.get(name, name) + brackets
