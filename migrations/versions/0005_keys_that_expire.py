"""
What is there afterwards: keys that end at an instant, that tell when they were last used, and of
which one takes the place of another under the same name; the service's role may change nothing
else of a key, neither its hash nor its role.
Why: keys that are forgotten end by themselves, and those in use are changed without a pause.
Locks, and for how long: whoever looks up a key waits for a moment; the table has a row a key.
An old process beside it sees: no ends of keys. It takes one that has expired, until it is replaced.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        ALTER TABLE api_keys
            ADD COLUMN expires_at   timestamptz,
            ADD COLUMN last_used_at timestamptz,
            ADD COLUMN is_rotated   boolean NOT NULL DEFAULT false,
            -- Else it would be good for ever beside the one that took its place.
            ADD CONSTRAINT api_keys_that_are_rotated_end CHECK (
                NOT is_rotated OR revoked_at IS NOT NULL OR expires_at IS NOT NULL
            )
    """)
    op.execute("DROP INDEX api_keys_name_is_unique")
    op.execute("""
        CREATE UNIQUE INDEX api_keys_name_is_unique ON api_keys (name)
        WHERE revoked_at IS NULL AND NOT is_rotated
    """)
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                REVOKE UPDATE ON api_keys FROM timeline_service;
                GRANT UPDATE (revoked_at, expires_at, last_used_at, is_rotated) ON api_keys
                TO timeline_service;
            END IF;
        END $$
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Without their ends they would be good for ever.
    op.execute("""
        UPDATE api_keys SET revoked_at = expires_at
        WHERE revoked_at IS NULL AND expires_at IS NOT NULL
    """)
    op.execute("DROP INDEX api_keys_name_is_unique")
    op.execute("""
        ALTER TABLE api_keys
            DROP COLUMN expires_at,
            DROP COLUMN last_used_at,
            DROP COLUMN is_rotated
    """)
    op.execute("""
        CREATE UNIQUE INDEX api_keys_name_is_unique ON api_keys (name) WHERE revoked_at IS NULL
    """)
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                GRANT UPDATE ON api_keys TO timeline_service;
            END IF;
        END $$
    """)
