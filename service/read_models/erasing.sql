-- name: delete_people
-- Keep no row of some people, of whatever time.
-- $1 person_ids text[]
WITH stints_deleted AS (
    DELETE FROM stints WHERE person_id = ANY ($1::text[])
),
findings_deleted AS (
    DELETE FROM findings WHERE person_id = ANY ($1::text[])
),
names_deleted AS (
    DELETE FROM names WHERE subject_id = ANY ($1::text[]) AND kind = 'person'
)
DELETE FROM people WHERE person_id = ANY ($1::text[]);

-- name: delete_labs
-- Keep no row of some labs themselves, of whatever time.
-- $1 lab_ids text[]
WITH findings_deleted AS (
    -- What is found of labs alone names one lab.
    DELETE FROM findings WHERE person_id IS NULL AND lab_ids && $1::text[]
),
names_deleted AS (
    DELETE FROM names WHERE subject_id = ANY ($1::text[]) AND kind = 'lab'
)
DELETE FROM labs WHERE lab_id = ANY ($1::text[]);
