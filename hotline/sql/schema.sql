-- What the migrations make, as pg_dump sees it. Not to be edited: tests/db/test_schema.py says how to renew it.

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
    CONSTRAINT calls_check CHECK (((ended_at IS NULL) OR (ended_at >= started_at)))
);

CREATE TABLE public.messages (
    message_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    caller_number text NOT NULL,
    left_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    recording_id bigint NOT NULL
);

ALTER TABLE public.messages ALTER COLUMN message_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.messages_message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
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

ALTER TABLE ONLY public.bridge_positions
    ADD CONSTRAINT bridge_positions_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (node, call_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_node_call_id_recording_id_key UNIQUE (node, call_id, recording_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_node_file_key UNIQUE (node, file);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_pkey PRIMARY KEY (recording_id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);

CREATE INDEX calls_by_start ON public.calls USING btree (started_at);

CREATE INDEX calls_open ON public.calls USING btree (node) WHERE (ended_at IS NULL);

CREATE INDEX recordings_by_call ON public.recordings USING btree (node, call_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);
