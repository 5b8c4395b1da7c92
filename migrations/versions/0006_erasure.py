"""
What is there afterwards: of an event the erasure that took its payload; a function `erase`, which
lets the events that the erasure at the head names say nothing any more; the service's role may
call it, and says nothing of erasures itself when it appends. Of the read models whether they are
due to be made anew.
Why: people may ask to be taken out of the log, whose hash chain goes on to hold without them.
Locks, and for how long: whoever reads or writes `events` waits while its rows are looked at for
the new check, less than half a second for a million events.
An old process beside it sees: nothing of it until something is erased; a payload that was erased
is of a type that it does not know.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        ALTER TABLE events
            ADD COLUMN erased_by bigint,
            ADD CONSTRAINT events_are_erased_later CHECK (erased_by > position)
    """)
    op.execute("""
        CREATE INDEX events_by_erasure ON events (erased_by) WHERE erased_by IS NOT NULL
    """)
    # Those before, as a replay left them, are a way back and have to be of the same shape.
    for schema in ("read_models", "read_models_before"):
        op.execute(f"""
            ALTER TABLE IF EXISTS {schema}.state
                ADD COLUMN is_due boolean NOT NULL DEFAULT false
        """)
    op.execute("DROP SCHEMA IF EXISTS read_models_next CASCADE")
    _let_erasures_by()
    _create_erase()
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                REVOKE INSERT ON events FROM timeline_service;
                -- That something was erased only `erase` says, and a restore.
                GRANT INSERT (
                    position, event_id, type, recorded_at, recorded_by, request_id,
                    target_position, payload, salt, payload_hash, hash, body_digest, on_lo, on_hi
                ) ON events TO timeline_service;
                GRANT EXECUTE ON FUNCTION erase(bigint) TO timeline_service;
            END IF;
        END $$
    """)


def _let_erasures_by() -> None:
    """
    The guard of statements, with a gap while `erase` runs; and in the gap one of rows.

    Whoever sets the setting by hand comes past the first, and past the second only with what
    `erase` would do.
    """
    op.execute("""
        CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('timeline.erasure', true) <> ''
                AND (TG_TABLE_NAME, TG_OP) IN (
                    ('events', 'UPDATE'), ('event_subjects', 'DELETE'), ('receipts', 'UPDATE')
                )
            THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation',
                HINT = 'Append a correction or a retraction instead.';
        END $$
    """)
    # Of an event nothing may differ but what an erasure takes, and that only by the one at the
    # head, which names it.
    op.execute("""
        CREATE FUNCTION refuse_all_but_tombstones() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF OLD.erased_by IS NULL
                AND NEW.payload = '{"@version"\\:1,"type":"erased"}'
                AND NEW.salt = ''
                AND NEW.request_id = ''
                AND (NEW.body_digest, NEW.on_lo, NEW.on_hi) IS NULL
                AND (
                    NEW.position, NEW.event_id, NEW.type, NEW.recorded_at, NEW.recorded_by,
                    NEW.target_position, NEW.payload_hash, NEW.hash
                ) IS NOT DISTINCT FROM (
                    OLD.position, OLD.event_id, OLD.type, OLD.recorded_at, OLD.recorded_by,
                    OLD.target_position, OLD.payload_hash, OLD.hash
                )
                AND OLD.type <> 'erasure'
                AND EXISTS (
                    SELECT
                    FROM public.events AS erasure
                    WHERE erasure.position = NEW.erased_by
                        AND erasure.position = (SELECT max(position) FROM public.events)
                        AND erasure.type = 'erasure'
                        AND erasure.payload::jsonb -> 'events' ? OLD.event_id::text
                )
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'the log is append-only: a change of position % is refused',
                OLD.position USING ERRCODE = 'restrict_violation',
                HINT = 'Only what the erasure at the head names is erased, and only by erase().';
        END $$
    """)
    # Whom an event concerns follows from its payload, and of one that is about another from what
    # was said of that before; the latter are said anew from what is left.
    op.execute("""
        CREATE FUNCTION refuse_all_but_erased_subjects() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF EXISTS (
                SELECT
                FROM public.events AS own
                JOIN public.events AS erased
                    ON coalesce(erased.target_position, erased.position)
                        = coalesce(own.target_position, own.position)
                WHERE own.position = OLD.position
                    AND (own.erased_by IS NOT NULL OR own.target_position IS NOT NULL)
                    AND erased.erased_by = (SELECT max(position) FROM public.events)
            ) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'the log is append-only: a change of position % is refused',
                OLD.position USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE FUNCTION refuse_all_but_erased_receipts() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF NEW.request_digest = ''
                AND (NEW.api_key, NEW.idempotency_key, NEW.positions)
                    = (OLD.api_key, OLD.idempotency_key, OLD.positions)
                AND EXISTS (
                    SELECT
                    FROM public.events
                    WHERE position = ANY (OLD.positions)
                        AND erased_by = (SELECT max(position) FROM public.events)
                )
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'the log is append-only: a change of a receipt is refused'
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table, change, function in (
        ("events", "UPDATE", "refuse_all_but_tombstones"),
        ("event_subjects", "DELETE", "refuse_all_but_erased_subjects"),
        ("receipts", "UPDATE", "refuse_all_but_erased_receipts"),
    ):
        op.execute(f"""
            CREATE TRIGGER {table}_change_by_erasures_alone
            BEFORE {change} ON {table}
            FOR EACH ROW EXECUTE FUNCTION {function}()
        """)


def _create_erase() -> None:
    op.execute("""
        CREATE FUNCTION erase(erasure bigint) RETURNS integer LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            named uuid[];
            gone bigint[];
        BEGIN
            -- The log's lock, which the caller holds: nothing may follow the erasure meanwhile.
            PERFORM pg_advisory_xact_lock(7240002);
            SELECT ARRAY(SELECT jsonb_array_elements_text(e.payload::jsonb -> 'events'))
            INTO named
            FROM public.events AS e
            WHERE e.position = erasure
                AND e.position = (SELECT max(position) FROM public.events)
                AND e.type = 'erasure';
            IF named IS NULL THEN
                RAISE EXCEPTION 'position % is no erasure at the head of the log', erasure
                    USING ERRCODE = 'restrict_violation';
            END IF;
            SELECT ARRAY(
                SELECT e.position
                FROM public.events AS e
                WHERE e.event_id = ANY (named) AND e.erased_by IS NULL AND e.type <> 'erasure'
            ) INTO gone;
            IF cardinality(gone) <> cardinality(named) THEN
                RAISE EXCEPTION 'position % names what is no event, or none that can be erased',
                    erasure USING ERRCODE = 'restrict_violation';
            END IF;
            PERFORM set_config('timeline.erasure', erasure::text, true);
            UPDATE public.events
            SET payload = '{"@version"\\:1,"type":"erased"}',
                salt = '',
                -- None of these is salted: what was said could be guessed by them.
                body_digest = NULL,
                on_lo = NULL,
                on_hi = NULL,
                request_id = '',
                erased_by = erasure
            WHERE position = ANY (gone);
            DELETE FROM public.event_subjects
            WHERE position = ANY (gone)
                OR position IN (
                    SELECT about.position
                    FROM public.events AS erased
                    JOIN public.events AS about
                        ON about.target_position
                            = coalesce(erased.target_position, erased.position)
                    WHERE erased.position = ANY (gone)
                );
            UPDATE public.receipts
            SET request_digest = ''
            WHERE positions && gone;
            PERFORM set_config('timeline.erasure', '', true);
            RETURN cardinality(gone);
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION erase(bigint) FROM PUBLIC")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (SELECT FROM events WHERE type = 'erasure' OR erased_by IS NOT NULL) THEN
                RAISE EXCEPTION 'something was erased, and the edition before cannot read that';
            END IF;
        END $$
    """)
    op.execute("DROP FUNCTION erase(bigint)")
    for table, function in (
        ("events", "refuse_all_but_tombstones"),
        ("event_subjects", "refuse_all_but_erased_subjects"),
        ("receipts", "refuse_all_but_erased_receipts"),
    ):
        op.execute(f"DROP TRIGGER {table}_change_by_erasures_alone ON {table}")
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("""
        CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation',
                HINT = 'Append a correction or a retraction instead.';
        END $$
    """)
    op.execute("ALTER TABLE events DROP COLUMN erased_by")
    op.execute("DROP SCHEMA IF EXISTS read_models_next CASCADE")
    for schema in ("read_models", "read_models_before"):
        op.execute(f"ALTER TABLE IF EXISTS {schema}.state DROP COLUMN is_due")
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                REVOKE INSERT (
                    position, event_id, type, recorded_at, recorded_by, request_id,
                    target_position, payload, salt, payload_hash, hash, body_digest, on_lo, on_hi
                ) ON events FROM timeline_service;
                GRANT INSERT ON events TO timeline_service;
            END IF;
        END $$
    """)
