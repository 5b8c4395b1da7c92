-- name: mark_stale
-- Version 0 is that of no code: the service replays before it answers.
UPDATE read_models.state
SET code_version = 0, checkpoint = 0;
