"""
What is there afterwards: sessions of browsers, each known by the hash of a token that only the
browser has, until an instant; the service's role may begin and end them and change none.
Why: pages are for holders of keys too, who type theirs once; the browser keeps no key.
Locks, and for how long: nothing that is there; the table is new and empty.
An old process beside it sees: nothing of it, and has no pages that ask for it.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE sessions (
            token_hash bytea       NOT NULL,
            key_hash   bytea       NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT sessions_token_is_unique PRIMARY KEY (token_hash),
            CONSTRAINT sessions_end_after_they_began CHECK (expires_at > created_at)
        )
    """)
    op.execute("CREATE INDEX sessions_by_end ON sessions (expires_at)")
    op.execute("""
        DO $$
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = 'timeline_service' AND pg_has_role(current_user, oid, 'USAGE')
            ) THEN
                GRANT SELECT, INSERT, DELETE ON sessions TO timeline_service;
            END IF;
        END $$
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE sessions")
