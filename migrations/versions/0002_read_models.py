"""
What is there afterwards: the read models, empty and marked as to be replayed, in a schema of
their own that the service's role owns, so that a replay can build and swap a whole set.
Why: every answer for any day, as known at any position, is one index scan.
Locks, and for how long: nothing that exists; milliseconds. The replay that follows takes
seconds for a million events and is done by the service when it starts.
An old process beside it sees: nothing, there is none.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Indexes have no names of their own here: a replay copies the tables with LIKE, which names
# the copies' indexes by the same rule, so that they are called alike after every replay.
# known_to is the greatest bigint while a row is believed.
BELIEVED = "9223372036854775807"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE SCHEMA read_models")
    op.execute(f"""
        CREATE TABLE read_models.stints (
            row_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            person_id  text   COLLATE "C" NOT NULL,
            lab_id     text   COLLATE "C" NOT NULL,
            start_lo   date   NOT NULL,
            end_hi     date   NOT NULL,
            known_from bigint NOT NULL,
            known_to   bigint NOT NULL DEFAULT {BELIEVED},
            content    text   NOT NULL,
            CONSTRAINT stints_known_in_order CHECK (known_from < known_to)
        )
    """)
    op.execute("CREATE INDEX ON read_models.stints (lab_id, known_to, known_from)")
    op.execute("CREATE INDEX ON read_models.stints (person_id, known_to)")
    op.execute(f"""
        CREATE TABLE read_models.findings (
            row_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind       text   NOT NULL,
            person_id  text   COLLATE "C",
            lab_ids    text[] COLLATE "C" NOT NULL,
            known_from bigint NOT NULL,
            known_to   bigint NOT NULL DEFAULT {BELIEVED},
            content    text   NOT NULL,
            CONSTRAINT findings_known_in_order CHECK (known_from < known_to)
        )
    """)
    op.execute("CREATE INDEX ON read_models.findings (person_id, known_to)")
    op.execute("CREATE INDEX ON read_models.findings (known_from)")
    op.execute("CREATE INDEX ON read_models.findings USING gin (lab_ids)")
    for table, column in (("people", "person_id"), ("labs", "lab_id")):
        successor = 'successor_id text COLLATE "C",' if table == "labs" else ""
        op.execute(f"""
            CREATE TABLE read_models.{table} (
                row_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                {column}     text   COLLATE "C" NOT NULL,
                canonical_id text   COLLATE "C" NOT NULL,
                {successor}
                known_from   bigint NOT NULL,
                known_to     bigint NOT NULL DEFAULT {BELIEVED},
                content      text   NOT NULL,
                CONSTRAINT {table}_known_in_order CHECK (known_from < known_to)
            )
        """)
        op.execute(f"CREATE INDEX ON read_models.{table} ({column}, known_to)")
    op.execute(f"""
        CREATE TABLE read_models.names (
            row_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind         text   COLLATE "C" NOT NULL,
            folded       text   COLLATE "C" NOT NULL,
            subject_id   text   COLLATE "C" NOT NULL,
            canonical_id text   COLLATE "C" NOT NULL,
            known_from   bigint NOT NULL,
            known_to     bigint NOT NULL DEFAULT {BELIEVED},
            content      text   NOT NULL,
            CONSTRAINT names_known_in_order CHECK (known_from < known_to)
        )
    """)
    op.execute("CREATE INDEX ON read_models.names (kind, folded, known_to)")
    op.execute("CREATE INDEX ON read_models.names (subject_id, known_to)")
    op.execute("CREATE INDEX ON read_models.names USING gin (folded gin_trgm_ops)")
    op.execute("""
        CREATE TABLE read_models.state (
            is_one       boolean     NOT NULL DEFAULT true,
            code_version integer     NOT NULL,
            checkpoint   bigint      NOT NULL,
            replayed_at  timestamptz,
            CONSTRAINT state_is_one PRIMARY KEY (is_one),
            CONSTRAINT state_is_true CHECK (is_one)
        )
    """)
    # Version 0 is that of no code: the service replays before it answers.
    op.execute("INSERT INTO read_models.state (code_version, checkpoint) VALUES (0, 0)")
    op.execute("""
        CREATE TABLE replays (
            replay_id         uuid        NOT NULL,
            state             text        NOT NULL,
            is_check          boolean     NOT NULL,
            started_at        timestamptz NOT NULL,
            finished_at       timestamptz,
            done              bigint      NOT NULL,
            total             bigint      NOT NULL,
            events_per_second double precision,
            drift             text        NOT NULL,
            detail            text,
            CONSTRAINT replays_id_is_unique PRIMARY KEY (replay_id),
            CONSTRAINT replays_state_is_known CHECK (state IN ('running', 'done', 'failed'))
        )
    """)
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                -- In this order: who is to own a thing must be able to make it where it is.
                EXECUTE format(
                    'GRANT CREATE ON DATABASE %I TO timeline_service', current_database()
                );
                ALTER SCHEMA read_models OWNER TO timeline_service;
                ALTER TABLE read_models.stints OWNER TO timeline_service;
                ALTER TABLE read_models.findings OWNER TO timeline_service;
                ALTER TABLE read_models.people OWNER TO timeline_service;
                ALTER TABLE read_models.labs OWNER TO timeline_service;
                ALTER TABLE read_models.names OWNER TO timeline_service;
                ALTER TABLE read_models.state OWNER TO timeline_service;
                GRANT SELECT, INSERT, UPDATE ON replays TO timeline_service;
            END IF;
        END $$
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE replays")
    op.execute("DROP SCHEMA read_models CASCADE")
