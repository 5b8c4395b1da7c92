"""
What is there afterwards: of a replay its step, how many rows differ, how often its switch had to
wait, where it switched and which one it takes back; of the read models which replay made them.
The service's role may create schemas in the database, whatever became of that grant.
Why: any process can tell how far a replay is, and a rollback finds the models before.
Locks, and for how long: `replays` and the one row of the read models' state, milliseconds. The
models before the last replay are dropped: theirs is the old shape, and they are only a way back.
An old process beside it sees: columns that it does not fill, each with a default.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        ALTER TABLE replays
            ADD COLUMN step text NOT NULL DEFAULT 'building',
            ADD COLUMN drift_rows bigint NOT NULL DEFAULT 0,
            ADD COLUMN switch_waits integer NOT NULL DEFAULT 0,
            ADD COLUMN checkpoint bigint,
            ADD COLUMN rolls_back uuid,
            ADD CONSTRAINT replays_step_is_known CHECK (step IN (
                'building', 'indexing', 'comparing', 'catching_up', 'switching'
            )),
            ADD CONSTRAINT replays_done_is_within_total CHECK (done BETWEEN 0 AND total)
    """)
    op.execute("DROP SCHEMA IF EXISTS read_models_next, read_models_before CASCADE")
    op.execute("ALTER TABLE read_models.state ADD COLUMN replay_id uuid")
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                EXECUTE format(
                    'GRANT CREATE ON DATABASE %I TO timeline_service', current_database()
                );
            END IF;
        END $$
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP SCHEMA IF EXISTS read_models_next, read_models_before CASCADE")
    op.execute("ALTER TABLE read_models.state DROP COLUMN replay_id")
    op.execute("""
        ALTER TABLE replays
            DROP COLUMN step,
            DROP COLUMN drift_rows,
            DROP COLUMN switch_waits,
            DROP COLUMN checkpoint,
            DROP COLUMN rolls_back,
            DROP CONSTRAINT replays_done_is_within_total
    """)
