-- What the migrations make, as pg_dump sees it. Not to be edited: tests/db/test_schema.py says how to renew it.

CREATE DOMAIN public.keypad_code AS text
	CONSTRAINT keypad_code_check CHECK ((VALUE ~ '^[0-9]{1,32}$'::text));

CREATE DOMAIN public.prompt_list AS text
	CONSTRAINT prompt_list_check CHECK ((VALUE ~ '^([a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?(,[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?)*)?$'::text));

CREATE DOMAIN public.telephone_number AS text
	CONSTRAINT telephone_number_check CHECK ((VALUE ~ '^[0-9]{0,20}$'::text));

CREATE FUNCTION public.directory_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO directory_versions AS known (part, changed_by) VALUES (TG_TABLE_NAME, pg_current_xact_id())
    ON CONFLICT (part) DO UPDATE SET changed_by = excluded.changed_by WHERE known.changed_by <> excluded.changed_by;
    RETURN NULL;
END
$$;

CREATE TABLE public.announcements (
    announcement_id bigint NOT NULL,
    prompts public.prompt_list NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    person text NOT NULL,
    CONSTRAINT announcements_check CHECK ((ends_at >= starts_at)),
    CONSTRAINT announcements_person_check CHECK ((person <> ''::text)),
    CONSTRAINT announcements_prompts_check CHECK (((prompts)::text <> ''::text)),
    CONSTRAINT announcements_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE public.announcements ALTER COLUMN announcement_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.announcements_announcement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_log (
    entry_id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE public.audit_log ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.bridge_positions (
    node text NOT NULL,
    segment bigint NOT NULL,
    cel_file text DEFAULT ''::text NOT NULL,
    cel_offset bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.calls (
    node text NOT NULL,
    call_id text NOT NULL,
    direction text DEFAULT 'inbound'::text NOT NULL,
    caller_number text DEFAULT ''::text NOT NULL,
    caller_name text DEFAULT ''::text NOT NULL,
    dialled text DEFAULT ''::text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    menu_path text DEFAULT ''::text NOT NULL,
    queue text,
    queued_at timestamp with time zone,
    agent text,
    connected_at timestamp with time zone,
    ended_at timestamp with time zone,
    hangup_cause integer,
    hung_up_by text,
    disposition text,
    source text NOT NULL,
    repaired boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    flow text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT calls_check CHECK (((ended_at IS NULL) OR (ended_at >= started_at))),
    CONSTRAINT calls_steps_check CHECK ((jsonb_typeof(steps) = 'array'::text))
);

CREATE TABLE public.survey_ratings (
    rating_id uuid NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    direction text NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    rating text NOT NULL,
    rated_at timestamp with time zone NOT NULL,
    CONSTRAINT survey_ratings_direction_check CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT survey_ratings_rating_check CHECK ((rating = ANY (ARRAY['very_satisfied'::text, 'satisfied'::text, 'neutral'::text, 'dissatisfied'::text, 'not_rated'::text])))
);

CREATE VIEW public.call_ratings AS
 SELECT c.node,
    c.call_id,
    c.direction,
    c.connected_at,
    COALESCE(NULLIF(s.agent, ''::text), c.agent) AS agent,
    COALESCE(s.rating, 'not_rated'::text) AS rating,
    s.rated_at
   FROM (public.calls c
     LEFT JOIN public.survey_ratings s USING (node, call_id))
  WHERE (c.connected_at IS NOT NULL);

CREATE TABLE public.callback_requests (
    request_id uuid NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    number text NOT NULL,
    queue text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    waiting_since timestamp with time zone NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    CONSTRAINT callback_requests_number_check CHECK ((number <> ''::text)),
    CONSTRAINT callback_requests_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'calling'::text, 'done'::text, 'given_up'::text])))
);

CREATE TABLE public.caller_groups (
    number public.telephone_number NOT NULL,
    "group" text NOT NULL,
    CONSTRAINT caller_groups_group_check CHECK (("group" ~ '^[a-z][a-z0-9_]{0,31}$'::text)),
    CONSTRAINT caller_groups_number_check CHECK (((number)::text <> ''::text))
);

CREATE TABLE public.directory_versions (
    part text NOT NULL,
    changed_by xid8 NOT NULL
);

CREATE TABLE public.fax_jobs (
    job_id uuid NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    number text NOT NULL,
    document text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    result text DEFAULT ''::text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT fax_jobs_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT fax_jobs_check CHECK (((state = ANY (ARRAY['sent'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT fax_jobs_document_check CHECK ((document <> ''::text)),
    CONSTRAINT fax_jobs_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'sent'::text, 'failed'::text])))
);

CREATE TABLE public.messages (
    message_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    caller_number text NOT NULL,
    left_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    recording_id bigint NOT NULL,
    kind text DEFAULT 'message'::text NOT NULL,
    CONSTRAINT messages_kind_check CHECK ((kind = ANY (ARRAY['message'::text, 'mailbox'::text, 'complaint'::text, 'survey'::text])))
);

ALTER TABLE public.messages ALTER COLUMN message_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.messages_message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.other_hotlines (
    code public.keypad_code NOT NULL,
    "position" smallint NOT NULL,
    number public.keypad_code NOT NULL,
    name text NOT NULL,
    prompts public.prompt_list NOT NULL,
    hours jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT other_hotlines_hours_check CHECK ((jsonb_typeof(hours) = 'object'::text)),
    CONSTRAINT other_hotlines_name_check CHECK ((name <> ''::text)),
    CONSTRAINT other_hotlines_position_check CHECK ((("position" >= 1) AND ("position" <= 9))),
    CONSTRAINT other_hotlines_prompts_check CHECK (((prompts)::text <> ''::text))
);

CREATE TABLE public.recordings (
    recording_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    kind text NOT NULL,
    file text NOT NULL,
    started_at timestamp with time zone,
    length_ms integer NOT NULL,
    channels smallint NOT NULL,
    sha256 text NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT recordings_kind_check CHECK ((kind = ANY (ARRAY['conversation'::text, 'message'::text])))
);

ALTER TABLE public.recordings ALTER COLUMN recording_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recordings_recording_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.spoken_articles (
    code public.keypad_code NOT NULL,
    parent public.keypad_code,
    "position" smallint NOT NULL,
    title text NOT NULL,
    text text DEFAULT ''::text NOT NULL,
    prompts public.prompt_list NOT NULL,
    document text,
    CONSTRAINT spoken_articles_check CHECK (((parent)::text <> (code)::text)),
    CONSTRAINT spoken_articles_position_check CHECK ((("position" >= 1) AND ("position" <= 9))),
    CONSTRAINT spoken_articles_title_check CHECK ((title <> ''::text))
);

CREATE TABLE public.ticket_answers (
    ticket_no public.keypad_code NOT NULL,
    caller_number public.telephone_number DEFAULT ''::text NOT NULL,
    query_code_hash text,
    confidential boolean DEFAULT false NOT NULL,
    state public.prompt_list NOT NULL,
    result public.prompt_list DEFAULT ''::text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ticket_answers_state_check CHECK (((state)::text <> ''::text))
);

CREATE TABLE public.ticket_query_failures (
    failure_id bigint NOT NULL,
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    caller_number public.telephone_number NOT NULL,
    ticket_no public.keypad_code NOT NULL
);

ALTER TABLE public.ticket_query_failures ALTER COLUMN failure_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ticket_query_failures_failure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT announcements_pkey PRIMARY KEY (announcement_id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.bridge_positions
    ADD CONSTRAINT bridge_positions_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.callback_requests
    ADD CONSTRAINT callback_requests_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY public.caller_groups
    ADD CONSTRAINT caller_groups_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (node, call_id);

ALTER TABLE ONLY public.directory_versions
    ADD CONSTRAINT directory_versions_pkey PRIMARY KEY (part);

ALTER TABLE ONLY public.fax_jobs
    ADD CONSTRAINT fax_jobs_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_node_call_id_recording_id_key UNIQUE (node, call_id, recording_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY public.other_hotlines
    ADD CONSTRAINT other_hotlines_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.other_hotlines
    ADD CONSTRAINT other_hotlines_position_key UNIQUE ("position") DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_node_file_key UNIQUE (node, file);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_pkey PRIMARY KEY (recording_id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_parent_position_key UNIQUE NULLS NOT DISTINCT (parent, "position") DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.survey_ratings
    ADD CONSTRAINT survey_ratings_pkey PRIMARY KEY (rating_id);

ALTER TABLE ONLY public.ticket_answers
    ADD CONSTRAINT ticket_answers_pkey PRIMARY KEY (ticket_no);

ALTER TABLE ONLY public.ticket_query_failures
    ADD CONSTRAINT ticket_query_failures_pkey PRIMARY KEY (failure_id);

CREATE INDEX announcements_by_end ON public.announcements USING btree (ends_at);

CREATE INDEX audit_log_by_subject ON public.audit_log USING btree (subject, at);

CREATE INDEX audit_log_by_time ON public.audit_log USING btree (at);

CREATE INDEX callback_requests_waiting ON public.callback_requests USING btree (queue, waiting_since) WHERE (state = 'waiting'::text);

CREATE INDEX calls_by_queueing ON public.calls USING btree (queued_at) WHERE (queued_at IS NOT NULL);

CREATE INDEX calls_by_start ON public.calls USING btree (started_at);

CREATE INDEX calls_open ON public.calls USING btree (node) WHERE (ended_at IS NULL);

CREATE INDEX fax_jobs_open ON public.fax_jobs USING btree (node, asked_at) WHERE (finished_at IS NULL);

CREATE INDEX recordings_by_call ON public.recordings USING btree (node, call_id);

CREATE INDEX survey_ratings_by_call ON public.survey_ratings USING btree (node, call_id);

CREATE INDEX survey_ratings_by_time ON public.survey_ratings USING btree (rated_at);

CREATE INDEX ticket_query_failures_by_number ON public.ticket_query_failures USING btree (caller_number, failed_at);

CREATE INDEX ticket_query_failures_by_ticket ON public.ticket_query_failures USING btree (ticket_no, failed_at);

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.announcements FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.caller_groups FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.other_hotlines FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_parent_fkey FOREIGN KEY (parent) REFERENCES public.spoken_articles(code) DEFERRABLE INITIALLY DEFERRED;
