-- name: mark_due
-- They answer, and are made anew as soon as can be; whoever remembers rows of before forgets them.
-- $1 replay_id uuid, of no replay, by which they are others than before
UPDATE read_models.state
SET is_due = true, replay_id = $1::uuid;

-- name: mark_stale
-- Version 0 is that of no code: the service replays before it answers.
UPDATE read_models.state
SET code_version = 0, checkpoint = 0;
