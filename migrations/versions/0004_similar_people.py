"""
What is there afterwards: tables of people who may be the same and of how far they were looked
for; an index of corrections by position, and one of people by the id for which they stand.
Why: near-duplicate people are found beside the fold, some at a time, and listed; corrections are
listed newest first; every id of a person is looked up by the canonical one.
Locks, and for how long: writes to `events` and to `people` wait while the two indexes are built,
less than a second for a million events.
An old process beside it sees: nothing of it; what it records is looked at later.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Outside of the read models: a replay neither makes nor compares what is no fold.
    op.execute("""
        CREATE TABLE similar_people (
            person_id  text COLLATE "C" NOT NULL,
            other_id   text COLLATE "C" NOT NULL,
            reason     text NOT NULL,
            similarity double precision NOT NULL,
            CONSTRAINT similar_people_are_unique PRIMARY KEY (person_id, other_id),
            CONSTRAINT similar_people_in_order CHECK (person_id < other_id),
            CONSTRAINT similar_people_reason_is_known CHECK (reason IN ('same_name', 'near_name'))
        )
    """)
    op.execute("CREATE INDEX similar_people_by_other ON similar_people (other_id)")
    op.execute("""
        CREATE TABLE similar_people_state (
            is_one     boolean NOT NULL DEFAULT true,
            checkpoint bigint  NOT NULL DEFAULT 0,
            CONSTRAINT similar_people_state_is_one PRIMARY KEY (is_one),
            CONSTRAINT similar_people_state_is_true CHECK (is_one)
        )
    """)
    op.execute("INSERT INTO similar_people_state DEFAULT VALUES")
    op.execute("""
        CREATE INDEX events_corrections_by_position ON events (position)
        WHERE target_position IS NOT NULL
    """)
    op.execute("CREATE INDEX ON read_models.people (canonical_id, known_to)")
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON similar_people TO timeline_service;
                GRANT SELECT, UPDATE ON similar_people_state TO timeline_service;
            END IF;
        END $$
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX read_models.people_canonical_id_known_to_idx")
    op.execute("DROP INDEX events_corrections_by_position")
    op.execute("DROP TABLE similar_people_state")
    op.execute("DROP TABLE similar_people")
