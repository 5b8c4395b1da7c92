CREATE SCHEMA read_models;

ALTER SCHEMA read_models OWNER TO timeline_service;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE FUNCTION public.erase(erasure bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
            SET payload = '{"@version":1,"type":"erased"}',
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
        END $$;

ALTER FUNCTION public.erase(erasure bigint) OWNER TO postgres;

CREATE FUNCTION public.refuse_all_but_erased_receipts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
        END $$;

ALTER FUNCTION public.refuse_all_but_erased_receipts() OWNER TO postgres;

CREATE FUNCTION public.refuse_all_but_erased_subjects() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
        END $$;

ALTER FUNCTION public.refuse_all_but_erased_subjects() OWNER TO postgres;

CREATE FUNCTION public.refuse_all_but_tombstones() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        BEGIN
            IF OLD.erased_by IS NULL
                AND NEW.payload = '{"@version":1,"type":"erased"}'
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
        END $$;

ALTER FUNCTION public.refuse_all_but_tombstones() OWNER TO postgres;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
        END $$;

ALTER FUNCTION public.refuse_change() OWNER TO postgres;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

ALTER TABLE public.alembic_version OWNER TO postgres;

CREATE TABLE public.api_keys (
    name text NOT NULL,
    key_hash bytea NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    is_rotated boolean DEFAULT false NOT NULL,
    CONSTRAINT api_keys_role_is_known CHECK ((role = ANY (ARRAY['reader'::text, 'writer'::text, 'admin'::text]))),
    CONSTRAINT api_keys_that_are_rotated_end CHECK (((NOT is_rotated) OR (revoked_at IS NOT NULL) OR (expires_at IS NOT NULL)))
);

ALTER TABLE public.api_keys OWNER TO postgres;

CREATE TABLE public.event_subjects (
    kind text NOT NULL COLLATE pg_catalog."C",
    subject_id text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    is_fact boolean NOT NULL,
    is_link boolean NOT NULL,
    CONSTRAINT event_subjects_kind_is_known CHECK ((kind = ANY (ARRAY['person'::text, 'lab'::text])))
);

ALTER TABLE public.event_subjects OWNER TO postgres;

CREATE TABLE public.events (
    "position" bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    request_id text NOT NULL,
    target_position bigint,
    payload text NOT NULL,
    salt bytea NOT NULL,
    payload_hash bytea NOT NULL,
    hash bytea NOT NULL,
    body_digest bytea,
    on_lo date,
    on_hi date,
    erased_by bigint,
    CONSTRAINT events_are_erased_later CHECK ((erased_by > "position")),
    CONSTRAINT events_hashes_are_sha256 CHECK (((length(payload_hash) = 32) AND (length(hash) = 32))),
    CONSTRAINT events_position_is_positive CHECK (("position" > 0)),
    CONSTRAINT events_target_is_earlier CHECK ((target_position < "position"))
);

ALTER TABLE public.events OWNER TO postgres;

CREATE TABLE public.log_identity (
    log_id uuid DEFAULT gen_random_uuid() NOT NULL,
    epoch integer DEFAULT 1 NOT NULL,
    is_one boolean DEFAULT true NOT NULL,
    CONSTRAINT log_identity_is_true CHECK (is_one)
);

ALTER TABLE public.log_identity OWNER TO postgres;

CREATE TABLE public.receipts (
    api_key text NOT NULL,
    idempotency_key text NOT NULL,
    request_digest bytea NOT NULL,
    positions bigint[] NOT NULL
);

ALTER TABLE public.receipts OWNER TO postgres;

CREATE TABLE public.replays (
    replay_id uuid NOT NULL,
    state text NOT NULL,
    is_check boolean NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    done bigint NOT NULL,
    total bigint NOT NULL,
    events_per_second double precision,
    drift text NOT NULL,
    detail text,
    step text DEFAULT 'building'::text NOT NULL,
    drift_rows bigint DEFAULT 0 NOT NULL,
    switch_waits integer DEFAULT 0 NOT NULL,
    checkpoint bigint,
    rolls_back uuid,
    CONSTRAINT replays_done_is_within_total CHECK (((done >= 0) AND (done <= total))),
    CONSTRAINT replays_state_is_known CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text]))),
    CONSTRAINT replays_step_is_known CHECK ((step = ANY (ARRAY['building'::text, 'indexing'::text, 'comparing'::text, 'catching_up'::text, 'switching'::text])))
);

ALTER TABLE public.replays OWNER TO postgres;

CREATE TABLE public.sessions (
    token_hash bytea NOT NULL,
    key_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT sessions_end_after_they_began CHECK ((expires_at > created_at))
);

ALTER TABLE public.sessions OWNER TO postgres;

CREATE TABLE public.similar_people (
    person_id text NOT NULL COLLATE pg_catalog."C",
    other_id text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    similarity double precision NOT NULL,
    CONSTRAINT similar_people_in_order CHECK ((person_id < other_id)),
    CONSTRAINT similar_people_reason_is_known CHECK ((reason = ANY (ARRAY['same_name'::text, 'near_name'::text])))
);

ALTER TABLE public.similar_people OWNER TO postgres;

CREATE TABLE public.similar_people_state (
    is_one boolean DEFAULT true NOT NULL,
    checkpoint bigint DEFAULT 0 NOT NULL,
    CONSTRAINT similar_people_state_is_true CHECK (is_one)
);

ALTER TABLE public.similar_people_state OWNER TO postgres;

CREATE TABLE read_models.findings (
    row_id bigint NOT NULL,
    kind text NOT NULL,
    person_id text COLLATE pg_catalog."C",
    lab_ids text[] NOT NULL COLLATE pg_catalog."C",
    known_from bigint NOT NULL,
    known_to bigint DEFAULT '9223372036854775807'::bigint NOT NULL,
    content text NOT NULL,
    CONSTRAINT findings_known_in_order CHECK ((known_from < known_to))
);

ALTER TABLE read_models.findings OWNER TO timeline_service;

ALTER TABLE read_models.findings ALTER COLUMN row_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME read_models.findings_row_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE read_models.labs (
    row_id bigint NOT NULL,
    lab_id text NOT NULL COLLATE pg_catalog."C",
    canonical_id text NOT NULL COLLATE pg_catalog."C",
    successor_id text COLLATE pg_catalog."C",
    known_from bigint NOT NULL,
    known_to bigint DEFAULT '9223372036854775807'::bigint NOT NULL,
    content text NOT NULL,
    CONSTRAINT labs_known_in_order CHECK ((known_from < known_to))
);

ALTER TABLE read_models.labs OWNER TO timeline_service;

ALTER TABLE read_models.labs ALTER COLUMN row_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME read_models.labs_row_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE read_models.names (
    row_id bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    subject_id text NOT NULL COLLATE pg_catalog."C",
    canonical_id text NOT NULL COLLATE pg_catalog."C",
    known_from bigint NOT NULL,
    known_to bigint DEFAULT '9223372036854775807'::bigint NOT NULL,
    content text NOT NULL,
    CONSTRAINT names_known_in_order CHECK ((known_from < known_to))
);

ALTER TABLE read_models.names OWNER TO timeline_service;

ALTER TABLE read_models.names ALTER COLUMN row_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME read_models.names_row_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE read_models.people (
    row_id bigint NOT NULL,
    person_id text NOT NULL COLLATE pg_catalog."C",
    canonical_id text NOT NULL COLLATE pg_catalog."C",
    known_from bigint NOT NULL,
    known_to bigint DEFAULT '9223372036854775807'::bigint NOT NULL,
    content text NOT NULL,
    CONSTRAINT people_known_in_order CHECK ((known_from < known_to))
);

ALTER TABLE read_models.people OWNER TO timeline_service;

ALTER TABLE read_models.people ALTER COLUMN row_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME read_models.people_row_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE read_models.state (
    is_one boolean DEFAULT true NOT NULL,
    code_version integer NOT NULL,
    checkpoint bigint NOT NULL,
    replayed_at timestamp with time zone,
    replay_id uuid,
    is_due boolean DEFAULT false NOT NULL,
    CONSTRAINT state_is_true CHECK (is_one)
);

ALTER TABLE read_models.state OWNER TO timeline_service;

CREATE TABLE read_models.stints (
    row_id bigint NOT NULL,
    person_id text NOT NULL COLLATE pg_catalog."C",
    lab_id text NOT NULL COLLATE pg_catalog."C",
    start_lo date NOT NULL,
    end_hi date NOT NULL,
    known_from bigint NOT NULL,
    known_to bigint DEFAULT '9223372036854775807'::bigint NOT NULL,
    content text NOT NULL,
    CONSTRAINT stints_known_in_order CHECK ((known_from < known_to))
);

ALTER TABLE read_models.stints OWNER TO timeline_service;

ALTER TABLE read_models.stints ALTER COLUMN row_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME read_models.stints_row_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_is_unique UNIQUE (key_hash);

ALTER TABLE ONLY public.event_subjects
    ADD CONSTRAINT event_subjects_are_unique PRIMARY KEY (kind, subject_id, "position");

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_id_is_unique UNIQUE (event_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_position_is_unique PRIMARY KEY ("position");

ALTER TABLE ONLY public.log_identity
    ADD CONSTRAINT log_identity_is_one PRIMARY KEY (is_one);

ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_key_is_unique PRIMARY KEY (api_key, idempotency_key);

ALTER TABLE ONLY public.replays
    ADD CONSTRAINT replays_id_is_unique PRIMARY KEY (replay_id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_token_is_unique PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.similar_people
    ADD CONSTRAINT similar_people_are_unique PRIMARY KEY (person_id, other_id);

ALTER TABLE ONLY public.similar_people_state
    ADD CONSTRAINT similar_people_state_is_one PRIMARY KEY (is_one);

ALTER TABLE ONLY read_models.findings
    ADD CONSTRAINT findings_pkey PRIMARY KEY (row_id);

ALTER TABLE ONLY read_models.labs
    ADD CONSTRAINT labs_pkey PRIMARY KEY (row_id);

ALTER TABLE ONLY read_models.names
    ADD CONSTRAINT names_pkey PRIMARY KEY (row_id);

ALTER TABLE ONLY read_models.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (row_id);

ALTER TABLE ONLY read_models.state
    ADD CONSTRAINT state_is_one PRIMARY KEY (is_one);

ALTER TABLE ONLY read_models.stints
    ADD CONSTRAINT stints_pkey PRIMARY KEY (row_id);

CREATE UNIQUE INDEX api_keys_name_is_unique ON public.api_keys USING btree (name) WHERE ((revoked_at IS NULL) AND (NOT is_rotated));

CREATE INDEX event_subjects_by_fact ON public.event_subjects USING btree (kind, subject_id, "position") WHERE is_fact;

CREATE INDEX event_subjects_by_link ON public.event_subjects USING btree (kind, subject_id, "position") WHERE is_link;

CREATE INDEX event_subjects_by_position ON public.event_subjects USING btree ("position");

CREATE INDEX events_by_erasure ON public.events USING btree (erased_by) WHERE (erased_by IS NOT NULL);

CREATE INDEX events_by_recorded_at ON public.events USING btree (recorded_at, "position");

CREATE INDEX events_by_target ON public.events USING btree (target_position) WHERE (target_position IS NOT NULL);

CREATE INDEX events_by_type ON public.events USING btree (type, "position");

CREATE INDEX events_corrections_by_position ON public.events USING btree ("position") WHERE (target_position IS NOT NULL);

CREATE INDEX sessions_by_end ON public.sessions USING btree (expires_at);

CREATE INDEX similar_people_by_other ON public.similar_people USING btree (other_id);

CREATE INDEX findings_known_from_idx ON read_models.findings USING btree (known_from);

CREATE INDEX findings_lab_ids_idx ON read_models.findings USING gin (lab_ids);

CREATE INDEX findings_person_id_known_to_idx ON read_models.findings USING btree (person_id, known_to);

CREATE INDEX labs_lab_id_known_to_idx ON read_models.labs USING btree (lab_id, known_to);

CREATE INDEX names_folded_idx ON read_models.names USING gin (folded public.gin_trgm_ops);

CREATE INDEX names_kind_folded_known_to_idx ON read_models.names USING btree (kind, folded, known_to);

CREATE INDEX names_subject_id_known_to_idx ON read_models.names USING btree (subject_id, known_to);

CREATE INDEX people_canonical_id_known_to_idx ON read_models.people USING btree (canonical_id, known_to);

CREATE INDEX people_person_id_known_to_idx ON read_models.people USING btree (person_id, known_to);

CREATE INDEX stints_end_hi_left_idx ON read_models.stints USING btree (end_hi, "left"(split_part(split_part(content, '"end":{'::text, 2), '"lo":"'::text, 2), 10) COLLATE "C") WHERE ((known_to = '9223372036854775807'::bigint) AND (strpos(content, '"end":{'::text) > 0));

CREATE INDEX stints_lab_id_known_to_known_from_idx ON read_models.stints USING btree (lab_id, known_to, known_from);

CREATE INDEX stints_left_start_lo_idx ON read_models.stints USING btree ("left"(split_part(split_part(content, '"start":{'::text, 2), '"hi":"'::text, 2), 10) COLLATE "C", start_lo) WHERE (known_to = '9223372036854775807'::bigint);

CREATE INDEX stints_person_id_known_to_idx ON read_models.stints USING btree (person_id, known_to);

CREATE TRIGGER event_subjects_are_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.event_subjects FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER event_subjects_change_by_erasures_alone BEFORE DELETE ON public.event_subjects FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_erased_subjects();

CREATE TRIGGER events_are_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER events_change_by_erasures_alone BEFORE UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_tombstones();

CREATE TRIGGER receipts_are_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.receipts FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER receipts_change_by_erasures_alone BEFORE UPDATE ON public.receipts FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_erased_receipts();

GRANT USAGE ON SCHEMA public TO timeline_service;

REVOKE ALL ON FUNCTION public.erase(erasure bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.erase(erasure bigint) TO timeline_service;

GRANT SELECT ON TABLE public.alembic_version TO timeline_service;

GRANT SELECT,INSERT ON TABLE public.api_keys TO timeline_service;

GRANT UPDATE(revoked_at) ON TABLE public.api_keys TO timeline_service;

GRANT UPDATE(expires_at) ON TABLE public.api_keys TO timeline_service;

GRANT UPDATE(last_used_at) ON TABLE public.api_keys TO timeline_service;

GRANT UPDATE(is_rotated) ON TABLE public.api_keys TO timeline_service;

GRANT SELECT,INSERT ON TABLE public.event_subjects TO timeline_service;

GRANT SELECT ON TABLE public.events TO timeline_service;

GRANT INSERT("position") ON TABLE public.events TO timeline_service;

GRANT INSERT(event_id) ON TABLE public.events TO timeline_service;

GRANT INSERT(type) ON TABLE public.events TO timeline_service;

GRANT INSERT(recorded_at) ON TABLE public.events TO timeline_service;

GRANT INSERT(recorded_by) ON TABLE public.events TO timeline_service;

GRANT INSERT(request_id) ON TABLE public.events TO timeline_service;

GRANT INSERT(target_position) ON TABLE public.events TO timeline_service;

GRANT INSERT(payload) ON TABLE public.events TO timeline_service;

GRANT INSERT(salt) ON TABLE public.events TO timeline_service;

GRANT INSERT(payload_hash) ON TABLE public.events TO timeline_service;

GRANT INSERT(hash) ON TABLE public.events TO timeline_service;

GRANT INSERT(body_digest) ON TABLE public.events TO timeline_service;

GRANT INSERT(on_lo) ON TABLE public.events TO timeline_service;

GRANT INSERT(on_hi) ON TABLE public.events TO timeline_service;

GRANT SELECT ON TABLE public.log_identity TO timeline_service;

GRANT SELECT,INSERT ON TABLE public.receipts TO timeline_service;

GRANT SELECT,INSERT,UPDATE ON TABLE public.replays TO timeline_service;

GRANT SELECT,INSERT,DELETE ON TABLE public.sessions TO timeline_service;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.similar_people TO timeline_service;

GRANT SELECT,UPDATE ON TABLE public.similar_people_state TO timeline_service;
