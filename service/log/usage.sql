-- name: try_share
-- Use the log beside others until the session ends; false while somebody has it alone.
SELECT pg_try_advisory_lock_shared(7240004);

-- name: share
-- Use the log beside others until the session ends; waits while somebody has it alone.
SELECT pg_advisory_lock_shared(7240004);

-- name: try_have_alone
-- Use the log with nobody beside until the session ends; false while somebody uses it.
SELECT pg_try_advisory_lock(7240004);

-- name: give_back
-- Let others use the log again.
SELECT pg_advisory_unlock(7240004);
