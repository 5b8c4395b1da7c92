"""
Writes migrations/schema.sql: the schema at the newest migration, for reviewers to read as a diff.

`python -m tests.support.write_schema`
"""

import re
import subprocess
import tempfile
from pathlib import Path

from service.log.schema import migrate, migrations_folder
from service.postgres.binaries import find_binaries, own_account, unprivileged_account
from service.postgres.embedded import EmbeddedPostgres

MAJOR = 18
"""Of the server that comes along: another pg_dump writes another text."""
GOLDEN = migrations_folder() / "schema.sql"

_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)$")


def dump(dsn: str) -> str:
    """
    The schema of the database, with owners and grants, without what changes by itself.

    Raises:
        OtherMajorError: the pg_dump that comes along is not on this machine.
    """
    account = own_account() if own_account().uid else unprivileged_account()
    binaries = find_binaries(account, major=MAJOR, on_progress=print)
    # The driver takes an address that names no host before its path; libpq wants the slashes.
    address = re.sub("^postgresql:/(?!/)", "postgresql:///", dsn)
    made = subprocess.run(
        [binaries.folder / "pg_dump", "--schema-only", "--no-comments", f"--dbname={address}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return normalised(made.stdout)


def normalised(text: str) -> str:
    """*text* without comments and settings, one blank line between statements."""
    kept = "\n".join(line for line in text.splitlines() if not _NOISE.match(line))
    return re.sub(r"\n{2,}", "\n\n", kept).strip() + "\n"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder), settings={"fsync": "off"}) as server,
    ):
        migrate(server.dsn)
        GOLDEN.write_text(dump(server.dsn), "utf-8")


if __name__ == "__main__":
    main()
