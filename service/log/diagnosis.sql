-- name: fetch_extent
-- How many events there are, and between which positions.
SELECT
    count(*) AS events,
    coalesce(max(position), 0) AS head
FROM events;

-- name: find_gap
-- The first position without an event, which may be the one after the head.
SELECT least(
    (SELECT 1 WHERE NOT EXISTS (SELECT FROM events WHERE position = 1)),
    (
        SELECT e.position + 1
        FROM events AS e
        WHERE NOT EXISTS (SELECT FROM events AS n WHERE n.position = e.position + 1)
        ORDER BY e.position
        LIMIT 1
    )
);

-- name: fetch_lock_queue
-- Who has the lock under which positions are taken (see `take_lock`), and who waits for it.
SELECT
    min(pid) FILTER (WHERE granted) AS holder,
    count(*) FILTER (WHERE NOT granted) AS waiting,
    coalesce(
        extract(epoch FROM clock_timestamp() - min(waitstart)), 0
    )::double precision AS seconds
FROM pg_locks
WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = 0
    AND objid = 7240002
    AND objsubid = 1;
