"""
What is there afterwards: the append-only log, its subjects, receipts of writes, API keys and
the log's identity; the role `timeline_service`, which may add to the log and not change it.
Why: everything else is derived from it.
Locks, and for how long: nothing that exists; milliseconds.
An old process beside it sees: nothing, there is none.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Contrib and trusted: the owner of a database may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public")
    # Roles belong to the cluster: another database of it may have made this one just now.
    op.execute("""
        DO $$
        BEGIN
            CREATE ROLE timeline_service NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE WARNING 'cannot create the role timeline_service; the service acts as %', current_user;
        END $$
    """)
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'timeline_service')
                -- Not MEMBER: who made a role is a member that may not act as it (from 16 on).
                AND NOT pg_has_role(current_user, 'timeline_service', 'USAGE')
            THEN
                EXECUTE format('GRANT timeline_service TO %I', current_user);
            END IF;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE WARNING 'cannot act as timeline_service; the service acts as %', current_user;
        END $$
    """)
    op.execute("""
        CREATE TABLE events (
            position        bigint      NOT NULL,
            event_id        uuid        NOT NULL,
            type            text        NOT NULL,
            recorded_at     timestamptz NOT NULL,
            recorded_by     text        NOT NULL,
            request_id      text        NOT NULL,
            target_position bigint,
            payload         text        NOT NULL,
            salt            bytea       NOT NULL,
            payload_hash    bytea       NOT NULL,
            hash            bytea       NOT NULL,
            body_digest     bytea,
            on_lo           date,
            on_hi           date,
            CONSTRAINT events_position_is_unique PRIMARY KEY (position),
            CONSTRAINT events_id_is_unique UNIQUE (event_id),
            CONSTRAINT events_position_is_positive CHECK (position > 0),
            CONSTRAINT events_target_is_earlier CHECK (target_position < position),
            CONSTRAINT events_hashes_are_sha256 CHECK (
                length(payload_hash) = 32 AND length(hash) = 32
            )
        )
    """)
    op.execute("""
        CREATE INDEX events_by_target ON events (target_position)
        WHERE target_position IS NOT NULL
    """)
    op.execute("CREATE INDEX events_by_recorded_at ON events (recorded_at, position)")
    op.execute("CREATE INDEX events_by_type ON events (type, position)")
    op.execute("""
        CREATE TABLE event_subjects (
            kind       text    COLLATE "C" NOT NULL,
            subject_id text    COLLATE "C" NOT NULL,
            position   bigint  NOT NULL,
            is_fact    boolean NOT NULL,
            is_link    boolean NOT NULL,
            CONSTRAINT event_subjects_are_unique PRIMARY KEY (kind, subject_id, position),
            CONSTRAINT event_subjects_kind_is_known CHECK (kind IN ('person', 'lab'))
        )
    """)
    op.execute("""
        CREATE INDEX event_subjects_by_fact ON event_subjects (kind, subject_id, position)
        WHERE is_fact
    """)
    op.execute("""
        CREATE INDEX event_subjects_by_link ON event_subjects (kind, subject_id, position)
        WHERE is_link
    """)
    op.execute("CREATE INDEX event_subjects_by_position ON event_subjects (position)")
    op.execute("""
        CREATE TABLE receipts (
            api_key         text     NOT NULL,
            idempotency_key text     NOT NULL,
            request_digest  bytea    NOT NULL,
            positions       bigint[] NOT NULL,
            CONSTRAINT receipts_key_is_unique PRIMARY KEY (api_key, idempotency_key)
        )
    """)
    op.execute("""
        CREATE TABLE api_keys (
            name       text        NOT NULL,
            key_hash   bytea       NOT NULL,
            role       text        NOT NULL,
            created_at timestamptz NOT NULL,
            revoked_at timestamptz,
            CONSTRAINT api_keys_hash_is_unique UNIQUE (key_hash),
            CONSTRAINT api_keys_role_is_known CHECK (role IN ('reader', 'writer', 'admin'))
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX api_keys_name_is_unique ON api_keys (name) WHERE revoked_at IS NULL
    """)
    op.execute("""
        CREATE TABLE log_identity (
            log_id uuid    NOT NULL DEFAULT gen_random_uuid(),
            epoch  integer NOT NULL DEFAULT 1,
            is_one boolean NOT NULL DEFAULT true,
            CONSTRAINT log_identity_is_one PRIMARY KEY (is_one),
            CONSTRAINT log_identity_is_true CHECK (is_one)
        )
    """)
    op.execute("INSERT INTO log_identity DEFAULT VALUES")
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation',
                HINT = 'Append a correction or a retraction instead.';
        END $$
    """)
    for table in ("events", "event_subjects", "receipts"):
        op.execute(f"""
            CREATE TRIGGER {table}_are_append_only
            BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                GRANT USAGE ON SCHEMA public TO timeline_service;
                GRANT SELECT, INSERT ON events, event_subjects, receipts TO timeline_service;
                GRANT SELECT, INSERT, UPDATE ON api_keys TO timeline_service;
                GRANT SELECT ON log_identity TO timeline_service;
                GRANT SELECT ON alembic_version TO timeline_service;
            END IF;
        END $$
    """)


def downgrade() -> None:
    raise RuntimeError("The log is append-only: there is no way back behind its first migration.")
