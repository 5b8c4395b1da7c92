"""
What is there afterwards: two indexes of the stints that are believed, by the days on which they
can have begun and by those on which they can have ended.
Why: who came or went anywhere in a period is found without reading every stint.
Locks, and for how long: writing into the read models, for two seconds of a million stints; reads
go on.
An old process beside it sees: nothing of it, and keeps the indexes as any other.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Days are in the content as text, which is in order; a cast to a date would depend on settings, so
# that no index could have it. Unnamed, as all indexes here: see 0002.
BELIEVED = "known_to = 9223372036854775807"
STARTED_HI = """left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10)"""
ENDED_LO = """left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10)"""
HAS_ENDED = """strpos(content, '"end":{') > 0"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Those of before the last replay too: they may be taken back, and a replay copies indexes.
    for kept in ("read_models", "read_models_before"):
        op.execute(f"""
            DO $$
            BEGIN
                IF to_regclass('{kept}.stints') IS NOT NULL THEN
                    CREATE INDEX ON {kept}.stints (({STARTED_HI} COLLATE "C"), start_lo)
                    WHERE {BELIEVED};
                    CREATE INDEX ON {kept}.stints (end_hi, ({ENDED_LO} COLLATE "C"))
                    WHERE {BELIEVED} AND {HAS_ENDED};
                END IF;
            END $$
        """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for kept in ("read_models", "read_models_before"):
        op.execute(f"DROP INDEX IF EXISTS {kept}.stints_left_start_lo_idx")
        op.execute(f"DROP INDEX IF EXISTS {kept}.stints_end_hi_left_idx")
