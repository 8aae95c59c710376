-- What the migrations make, as pg_dump sees it. Not to be edited: tests/db/test_schema.py says how to renew it.

CREATE DOMAIN public.exclusion_reason AS text
	CONSTRAINT exclusion_reason_check CHECK ((VALUE = ANY (ARRAY['sudden_event'::text, 'system_fault'::text, 'overload'::text])));

CREATE DOMAIN public.keypad_code AS text
	CONSTRAINT keypad_code_check CHECK ((VALUE ~ '^[0-9]{1,32}$'::text));

CREATE TYPE public.pgqueuer_status AS ENUM (
    'queued',
    'picked',
    'successful',
    'exception',
    'canceled',
    'deleted',
    'failed'
);

CREATE DOMAIN public.prompt_list AS text
	CONSTRAINT prompt_list_check CHECK ((VALUE ~ '^([a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?(,[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?)*)?$'::text));

CREATE DOMAIN public.telephone_number AS text
	CONSTRAINT telephone_number_check CHECK ((VALUE ~ '^[0-9]{0,20}$'::text));

CREATE FUNCTION public.audit_is_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_setting('hotline.maintenance', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.audit_to_be_sealed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO audit_unsealed SELECT entry_id FROM fresh;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.directory_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO directory_versions AS known (part, changed_by) VALUES (TG_TABLE_NAME, pg_current_xact_id())
    ON CONFLICT (part) DO UPDATE SET changed_by = excluded.changed_by WHERE known.changed_by <> excluded.changed_by;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.ensure_months(since timestamp with time zone, until timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    month  timestamp;
    begins timestamptz;
    ends   timestamptz;
    parent text;
    key    text;
    name   text;
BEGIN
    FOR month IN
        SELECT generate_series(date_trunc('month', greatest(since AT TIME ZONE 'Asia/Shanghai', timestamp '2000-01-01')),
                               least(until AT TIME ZONE 'Asia/Shanghai', timestamp '2099-12-31'), interval '1 month')
    LOOP
        begins := month AT TIME ZONE 'Asia/Shanghai';
        ends := (month + interval '1 month') AT TIME ZONE 'Asia/Shanghai';
        FOR parent, key IN VALUES ('requests', 'requested_at'), ('agent_turns', 'rang_at') LOOP
            name := parent || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            PERFORM pg_advisory_xact_lock(hashtext('ensure_months'));
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                           parent || '_default', key, begins, key, ends, name);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, begins, ends);
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION public.ensure_ticket_words(ticket bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    year   integer := ticket / 1000000000;
    half   integer := CASE WHEN ticket / 10000000 % 100 < 7 THEN 1 ELSE 2 END;
    begins bigint;
    ends   bigint;
    name   text := format('ticket_words_%s_%s', ticket / 1000000000, CASE WHEN ticket / 10000000 % 100 < 7 THEN 1 ELSE 2 END);
BEGIN
    IF year NOT BETWEEN 2000 AND 2099 OR to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_ticket_words'));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    begins := (year * 100 + CASE half WHEN 1 THEN 1 ELSE 7 END)::bigint * 10000000;
    ends := CASE half WHEN 1 THEN year * 100 + 7 ELSE (year + 1) * 100 + 1 END::bigint * 10000000;
    EXECUTE format('CREATE TABLE %I (LIKE ticket_words INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('WITH moved AS (DELETE FROM ticket_words_default WHERE ticket_id >= %s AND ticket_id < %s RETURNING *)'
                   ' INSERT INTO %I SELECT * FROM moved', begins, ends, name);
    EXECUTE format('ALTER TABLE ticket_words ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, begins, ends);
END
$$;

CREATE FUNCTION public.exclusion_of(started_at timestamp with time zone, its_queue text, its_node text) RETURNS public.exclusion_reason
    LANGUAGE sql STABLE
    AS $$
    SELECT reason FROM exclusions
    WHERE confirmed_at IS NOT NULL AND withdrawn_at IS NULL AND from_at <= started_at AND (to_at IS NULL OR started_at < to_at)
      AND (queue IS NULL OR queue = its_queue) AND (node IS NULL OR node = its_node)
    ORDER BY set_at, exclusion_id LIMIT 1
$$;

CREATE FUNCTION public.fn_pgqueuer_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    to_emit BOOLEAN := false;  -- Flag to decide whether to emit a notification
BEGIN
    -- Check operation type and set the emit flag accordingly
    IF TG_OP = 'UPDATE' AND OLD IS DISTINCT FROM NEW THEN
        to_emit := true;
    ELSIF TG_OP = 'DELETE' THEN
        to_emit := true;
    ELSIF TG_OP = 'INSERT' THEN
        to_emit := true;
    ELSIF TG_OP = 'TRUNCATE' THEN
        to_emit := true;
    END IF;

    -- Perform notification if the emit flag is set
    IF to_emit THEN
        PERFORM pg_notify(
            'ch_pgqueuer',
            json_build_object(
                'channel', 'ch_pgqueuer',
                'operation', lower(TG_OP),
                'sent_at', NOW(),
                'table', TG_TABLE_NAME,
                'type', 'table_changed_event'
            )::text
        );
    END IF;

    -- Return appropriate value based on the operation
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSE
        RETURN NULL; -- For TRUNCATE and other non-row-specific contexts
    END IF;

END;
$$;

CREATE FUNCTION public.ticket_has_identity(ticket bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT EXISTS (
        SELECT FROM ticket_identities AS i
        WHERE i.ticket_id = ticket AND i.caller_name <> ''
          AND greatest(i.caller_phone::text, i.calling_number::text, i.callback_phone::text) <> ''
    )
$$;

CREATE FUNCTION public.tickets_of_recording(recording bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH RECURSIVE found (ticket_id) AS (
        SELECT k.ticket_id
        FROM (
            SELECT ticket_id FROM recording_tickets WHERE recording_id = recording
            UNION ALL
            SELECT i.ticket_id
            FROM recordings AS r
            JOIN messages AS m ON m.node = r.node AND m.call_id = r.call_id AND m.recording_id = r.recording_id
            JOIN message_intake AS i ON i.message_id = m.message_id
            WHERE r.recording_id = recording AND i.ticket_id IS NOT NULL
        ) AS k
        UNION
        SELECT t.merged_into FROM found JOIN tickets AS t ON t.ticket_id = found.ticket_id WHERE t.merged_into IS NOT NULL
    )
    SELECT ticket_id FROM found
$$;

CREATE FUNCTION public.units_path() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    lost text;
BEGIN
    WITH RECURSIVE tree (code, path) AS (
        SELECT u.code, ARRAY[u.code] FROM units AS u
        WHERE u.parent IS NULL OR NOT EXISTS (SELECT FROM units AS above WHERE above.code = u.parent)
        UNION ALL
        SELECT u.code, tree.path || u.code FROM units AS u JOIN tree ON u.parent = tree.code
    ), kept AS (
        UPDATE units SET path = tree.path FROM tree WHERE units.code = tree.code AND units.path <> tree.path
    )
    SELECT min(u.code) INTO lost FROM units AS u WHERE NOT EXISTS (SELECT FROM tree WHERE tree.code = u.code);
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION 'unit % is above itself', lost USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.viewing_units() RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN mine = '' THEN '{}' ELSE ARRAY[mine] || ARRAY(SELECT code FROM units WHERE path @> ARRAY[mine]) END
    FROM (SELECT coalesce(current_setting('hotline.unit', true), '')) AS viewer (mine)
$$;

CREATE FUNCTION public.viewing_units_above() RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT ARRAY[mine] || coalesce((SELECT path FROM units WHERE code = mine), '{}')
    FROM (SELECT coalesce(current_setting('hotline.unit', true), '')) AS viewer (mine)
$$;

CREATE TABLE public.accounts (
    username text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    password_hash text NOT NULL,
    roles text[] DEFAULT '{}'::text[] NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    organisation text DEFAULT 'government'::text NOT NULL,
    granted text[] DEFAULT '{}'::text[] NOT NULL,
    must_change boolean DEFAULT false NOT NULL,
    valid_until timestamp with time zone,
    disabled_at timestamp with time zone,
    failed_logins integer DEFAULT 0 NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    made_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login_at timestamp with time zone,
    CONSTRAINT accounts_agent_check CHECK ((agent ~ '^([0-9]{3,5})?$'::text)),
    CONSTRAINT accounts_organisation_check CHECK ((organisation = ANY (ARRAY['government'::text, 'operator'::text]))),
    CONSTRAINT accounts_username_check CHECK ((username ~ '^[A-Za-z0-9][A-Za-z0-9_.@-]{0,39}$'::text))
);

CREATE TABLE public.acd_positions (
    reader text NOT NULL,
    node text NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE public.acd_steps (
    node text NOT NULL,
    uniqueid text NOT NULL,
    number integer NOT NULL,
    call_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    step text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT acd_steps_number_check CHECK ((number >= 1)),
    CONSTRAINT acd_steps_step_check CHECK ((step ~ '^[a-z_]+:[a-z_]+$'::text))
);

CREATE TABLE public.agent_events (
    event_id bigint NOT NULL,
    agent text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    what text NOT NULL,
    seat text DEFAULT ''::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    who text NOT NULL,
    CONSTRAINT agent_events_what_check CHECK ((what = ANY (ARRAY['log_in'::text, 'log_out'::text, 'pause'::text, 'ready'::text, 'wrong_pin'::text]))),
    CONSTRAINT agent_events_who_check CHECK ((who <> ''::text))
);

ALTER TABLE public.agent_events ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.agent_events_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.agent_sessions (
    session_id bigint NOT NULL,
    agent text NOT NULL,
    seat text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone,
    opened_by text NOT NULL,
    opened_how text NOT NULL,
    closed_by text,
    closed_how text,
    paused boolean DEFAULT false NOT NULL,
    pause_reason text DEFAULT ''::text NOT NULL,
    ready_at timestamp with time zone DEFAULT now() NOT NULL,
    ordered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT agent_sessions_check CHECK ((until >= since)),
    CONSTRAINT agent_sessions_check1 CHECK ((((until IS NULL) = (closed_how IS NULL)) AND ((until IS NULL) = (closed_by IS NULL)))),
    CONSTRAINT agent_sessions_check2 CHECK ((paused OR (pause_reason = ''::text))),
    CONSTRAINT agent_sessions_closed_how_check CHECK ((closed_how = ANY (ARRAY['code'::text, 'api'::text, 'forced'::text, 'displaced'::text, 'moved'::text, 'shift_end'::text, 'seat_gone'::text, 'inactive'::text]))),
    CONSTRAINT agent_sessions_opened_by_check CHECK ((opened_by <> ''::text)),
    CONSTRAINT agent_sessions_opened_how_check CHECK ((opened_how = ANY (ARRAY['telephone'::text, 'code'::text, 'api'::text]))),
    CONSTRAINT agent_sessions_seat_check CHECK ((seat ~ '^[0-9]{3,5}$'::text))
);

ALTER TABLE public.agent_sessions ALTER COLUMN session_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.agent_sessions_session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.agent_states (
    node text NOT NULL,
    agent text NOT NULL,
    state text NOT NULL,
    since timestamp with time zone NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    pause_reason text DEFAULT ''::text NOT NULL,
    call_id text,
    queues text[] DEFAULT '{}'::text[] NOT NULL,
    at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    channel text DEFAULT ''::text NOT NULL,
    CONSTRAINT agent_states_state_check CHECK ((state = ANY (ARRAY['offline'::text, 'ready'::text, 'paused'::text, 'ringing'::text, 'talking'::text, 'holding'::text, 'wrap_up'::text, 'elsewhere'::text])))
);

CREATE TABLE public.agent_turns (
    node text NOT NULL,
    call_id text NOT NULL,
    number smallint NOT NULL,
    agent text NOT NULL,
    queue text NOT NULL,
    rang_at timestamp with time zone NOT NULL,
    result text NOT NULL,
    connected_at timestamp with time zone,
    ended_at timestamp with time zone,
    ring_us bigint DEFAULT 0 NOT NULL,
    talk_us bigint DEFAULT 0 NOT NULL,
    hold_us bigint DEFAULT 0 NOT NULL,
    wrapup_us bigint DEFAULT 0 NOT NULL,
    ended_by text DEFAULT ''::text NOT NULL,
    repaired boolean DEFAULT false NOT NULL,
    void boolean DEFAULT false NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT agent_turns_ended_by_check CHECK ((ended_by = ANY (ARRAY[''::text, 'caller'::text, 'agent'::text, 'transfer'::text]))),
    CONSTRAINT agent_turns_hold_us_check CHECK ((hold_us >= 0)),
    CONSTRAINT agent_turns_number_check CHECK ((number >= 1)),
    CONSTRAINT agent_turns_result_check CHECK ((result = ANY (ARRAY['ringing'::text, 'answered'::text, 'ring_no_answer'::text, 'other_answered'::text, 'caller_left'::text]))),
    CONSTRAINT agent_turns_ring_us_check CHECK ((ring_us >= 0)),
    CONSTRAINT agent_turns_talk_us_check CHECK ((talk_us >= 0)),
    CONSTRAINT agent_turns_wrapup_us_check CHECK ((wrapup_us >= 0))
)
PARTITION BY RANGE (rang_at);

CREATE TABLE public.agent_turns_default (
    node text CONSTRAINT agent_turns_node_not_null NOT NULL,
    call_id text CONSTRAINT agent_turns_call_id_not_null NOT NULL,
    number smallint CONSTRAINT agent_turns_number_not_null NOT NULL,
    agent text CONSTRAINT agent_turns_agent_not_null NOT NULL,
    queue text CONSTRAINT agent_turns_queue_not_null NOT NULL,
    rang_at timestamp with time zone CONSTRAINT agent_turns_rang_at_not_null NOT NULL,
    result text CONSTRAINT agent_turns_result_not_null NOT NULL,
    connected_at timestamp with time zone,
    ended_at timestamp with time zone,
    ring_us bigint DEFAULT 0 CONSTRAINT agent_turns_ring_us_not_null NOT NULL,
    talk_us bigint DEFAULT 0 CONSTRAINT agent_turns_talk_us_not_null NOT NULL,
    hold_us bigint DEFAULT 0 CONSTRAINT agent_turns_hold_us_not_null NOT NULL,
    wrapup_us bigint DEFAULT 0 CONSTRAINT agent_turns_wrapup_us_not_null NOT NULL,
    ended_by text DEFAULT ''::text CONSTRAINT agent_turns_ended_by_not_null NOT NULL,
    repaired boolean DEFAULT false CONSTRAINT agent_turns_repaired_not_null NOT NULL,
    void boolean DEFAULT false CONSTRAINT agent_turns_void_not_null NOT NULL,
    version bigint CONSTRAINT agent_turns_version_not_null NOT NULL,
    CONSTRAINT agent_turns_ended_by_check CHECK ((ended_by = ANY (ARRAY[''::text, 'caller'::text, 'agent'::text, 'transfer'::text]))),
    CONSTRAINT agent_turns_hold_us_check CHECK ((hold_us >= 0)),
    CONSTRAINT agent_turns_number_check CHECK ((number >= 1)),
    CONSTRAINT agent_turns_result_check CHECK ((result = ANY (ARRAY['ringing'::text, 'answered'::text, 'ring_no_answer'::text, 'other_answered'::text, 'caller_left'::text]))),
    CONSTRAINT agent_turns_ring_us_check CHECK ((ring_us >= 0)),
    CONSTRAINT agent_turns_talk_us_check CHECK ((talk_us >= 0)),
    CONSTRAINT agent_turns_wrapup_us_check CHECK ((wrapup_us >= 0))
);

CREATE TABLE public.agents (
    agent text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    name_en text DEFAULT ''::text NOT NULL,
    role text DEFAULT 'agent'::text NOT NULL,
    skills jsonb DEFAULT '{}'::jsonb NOT NULL,
    sub_centre text DEFAULT ''::text NOT NULL,
    team text DEFAULT ''::text NOT NULL,
    trainee boolean DEFAULT false NOT NULL,
    trainee_until date,
    mentor text DEFAULT ''::text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    origin text NOT NULL,
    CONSTRAINT agents_agent_check CHECK ((agent ~ '^[0-9]{3,5}$'::text)),
    CONSTRAINT agents_origin_check CHECK ((origin = ANY (ARRAY['settings'::text, 'directory'::text]))),
    CONSTRAINT agents_role_check CHECK ((role = ANY (ARRAY['agent'::text, 'trainee'::text, 'dispatcher'::text, 'dispatch_lead'::text, 'callback_agent'::text, 'shift_leader'::text, 'supervisor'::text, 'supervision_office'::text, 'quality'::text, 'office'::text, 'leader'::text, 'observer'::text, 'editor'::text, 'analyst'::text, 'administrator'::text]))),
    CONSTRAINT agents_skills_check CHECK ((jsonb_typeof(skills) = 'object'::text))
);

CREATE TABLE public.alarms (
    alarm_id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    cleared_at timestamp with time zone,
    value double precision,
    limit_value double precision,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    seen_by text,
    seen_at timestamp with time zone,
    CONSTRAINT alarms_check CHECK ((cleared_at >= raised_at)),
    CONSTRAINT alarms_check1 CHECK (((seen_by IS NULL) = (seen_at IS NULL))),
    CONSTRAINT alarms_kind_check CHECK ((kind <> ''::text))
);

CREATE TABLE public.announcements (
    announcement_id bigint NOT NULL,
    prompts public.prompt_list NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    person text NOT NULL,
    entry_id uuid,
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

CREATE TABLE public.audit_seals (
    number bigint NOT NULL,
    entry_id bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_seals_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_seals_number_check CHECK ((number > 0))
);

CREATE TABLE public.audit_unsealed (
    entry_id bigint NOT NULL
);

CREATE TABLE public.bridge_positions (
    node text NOT NULL,
    segment bigint NOT NULL,
    cel_file text DEFAULT ''::text NOT NULL,
    cel_offset bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    queue_log_file text DEFAULT ''::text NOT NULL,
    queue_log_offset bigint DEFAULT 0 NOT NULL,
    version bigint DEFAULT 0 NOT NULL
);

CREATE TABLE public.bridge_status (
    node text NOT NULL,
    at timestamp with time zone NOT NULL,
    connected boolean NOT NULL,
    connected_since timestamp with time zone,
    event_lag_ms bigint,
    journal_segment bigint NOT NULL,
    journal_bytes bigint NOT NULL,
    journal_failing_since timestamp with time zone,
    backlog bigint NOT NULL,
    calls_open bigint NOT NULL,
    events bigint NOT NULL,
    unwanted bigint NOT NULL,
    undecodable bigint NOT NULL,
    oversized bigint NOT NULL,
    conservation_violations bigint NOT NULL,
    gaps_open bigint NOT NULL,
    rss_bytes bigint NOT NULL,
    refused bigint DEFAULT 0 NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE public.calendar_versions (
    version integer NOT NULL,
    digest text NOT NULL,
    days jsonb NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    open bigint DEFAULT 0 NOT NULL,
    done_to bigint DEFAULT 0 NOT NULL,
    recomputed bigint DEFAULT 0 NOT NULL,
    moved bigint DEFAULT 0 NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT calendar_versions_version_check CHECK ((version > 0))
);

CREATE TABLE public.call_dispositions (
    disposition_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    disposition text NOT NULL,
    said_by text NOT NULL,
    said_at timestamp with time zone NOT NULL,
    CONSTRAINT call_dispositions_disposition_check CHECK ((disposition = ANY (ARRAY['silent'::text, 'malicious'::text, 'long_occupation'::text]))),
    CONSTRAINT call_dispositions_said_by_check CHECK ((said_by <> ''::text))
);

ALTER TABLE public.call_dispositions ALTER COLUMN disposition_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.call_dispositions_disposition_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
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
    version bigint DEFAULT 0 NOT NULL,
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

CREATE TABLE public.call_rollups (
    level smallint NOT NULL,
    start timestamp with time zone NOT NULL,
    node text NOT NULL,
    calls bigint NOT NULL,
    answered bigint NOT NULL,
    ivr_hangups bigint NOT NULL,
    CONSTRAINT call_rollups_check CHECK ((((answered >= 0) AND (answered <= calls)) AND ((ivr_hangups >= 0) AND (ivr_hangups <= calls)))),
    CONSTRAINT call_rollups_level_check CHECK (((level >= 1) AND (level <= 4)))
);

CREATE TABLE public.call_routes (
    route_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    asked_queue text NOT NULL,
    queue text NOT NULL,
    priority smallint NOT NULL,
    kept_seconds integer NOT NULL,
    place integer NOT NULL,
    first_agent text NOT NULL,
    why text[] NOT NULL,
    CONSTRAINT call_routes_kept_seconds_check CHECK ((kept_seconds >= 0)),
    CONSTRAINT call_routes_place_check CHECK ((place >= 0)),
    CONSTRAINT call_routes_priority_check CHECK ((priority >= 0))
);

ALTER TABLE public.call_routes ALTER COLUMN route_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.call_routes_route_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.callback_entries (
    entry_id uuid NOT NULL,
    node text NOT NULL,
    number public.telephone_number NOT NULL,
    queue text NOT NULL,
    waiting_since timestamp with time zone NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    agent text,
    claimed_until timestamp with time zone,
    outbound_id uuid,
    result text DEFAULT ''::text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    settled_by text,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT callback_entries_check CHECK (((state = 'settled'::text) = (settled_at IS NOT NULL))),
    CONSTRAINT callback_entries_check1 CHECK (((state = 'claimed'::text) = (claimed_until IS NOT NULL))),
    CONSTRAINT callback_entries_check2 CHECK (((state <> ALL (ARRAY['claimed'::text, 'calling'::text])) OR (agent IS NOT NULL))),
    CONSTRAINT callback_entries_number_check CHECK (((number)::text <> ''::text)),
    CONSTRAINT callback_entries_result_check CHECK ((result = ANY (ARRAY[''::text, 'answered'::text, 'busy'::text, 'no_answer'::text, 'failed'::text, 'answered_meanwhile'::text, 'expired'::text, 'withdrawn'::text]))),
    CONSTRAINT callback_entries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'claimed'::text, 'calling'::text, 'settled'::text]))),
    CONSTRAINT callback_entries_tries_check CHECK ((tries >= 0))
);

CREATE TABLE public.callback_requests (
    request_id uuid NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    number text NOT NULL,
    queue text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    waiting_since timestamp with time zone NOT NULL,
    kind text DEFAULT 'asked'::text NOT NULL,
    entry_id uuid,
    CONSTRAINT callback_requests_kind_check CHECK ((kind = ANY (ARRAY['asked'::text, 'missed'::text]))),
    CONSTRAINT callback_requests_number_check CHECK ((number <> ''::text))
);

CREATE TABLE public.caller_blocks (
    block_id bigint NOT NULL,
    number text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    set_by text NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text,
    CONSTRAINT caller_blocks_check CHECK ((until_at > from_at)),
    CONSTRAINT caller_blocks_check1 CHECK (((lifted_by IS NULL) = (lifted_at IS NULL))),
    CONSTRAINT caller_blocks_number_check CHECK ((number <> ''::text)),
    CONSTRAINT caller_blocks_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT caller_blocks_set_by_check CHECK ((set_by <> ''::text))
);

ALTER TABLE public.caller_blocks ALTER COLUMN block_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.caller_blocks_block_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.caller_groups (
    number public.telephone_number NOT NULL,
    "group" text NOT NULL,
    CONSTRAINT caller_groups_group_check CHECK (("group" ~ '^[a-z][a-z0-9_]{0,31}$'::text)),
    CONSTRAINT caller_groups_number_check CHECK (((number)::text <> ''::text))
);

CREATE TABLE public.caller_merges (
    merge_id uuid NOT NULL,
    kept uuid NOT NULL,
    gone uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    undone_at timestamp with time zone,
    undone_by text,
    CONSTRAINT caller_merges_check CHECK (((undone_at IS NULL) = (undone_by IS NULL)))
);

CREATE TABLE public.caller_numbers (
    number public.telephone_number NOT NULL,
    caller_id uuid NOT NULL,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT caller_numbers_number_check CHECK (((number)::text <> ''::text))
);

CREATE TABLE public.callers (
    caller_id uuid NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    workplace text DEFAULT ''::text NOT NULL,
    home_address text DEFAULT ''::text NOT NULL,
    special_group text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    merged_into uuid,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    made_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by text NOT NULL,
    CONSTRAINT callers_check CHECK ((merged_into <> caller_id))
);

CREATE TABLE public.clock_log (
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    round smallint NOT NULL,
    verb text NOT NULL,
    old_due timestamp with time zone,
    new_due timestamp with time zone,
    why jsonb DEFAULT '[]'::jsonb NOT NULL,
    by text NOT NULL
);

CREATE TABLE public.commands (
    command_id uuid NOT NULL,
    node text NOT NULL,
    action text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    asked_by text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline timestamp with time zone NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    answer jsonb,
    sent_at timestamp with time zone,
    settled_at timestamp with time zone,
    CONSTRAINT commands_action_check CHECK ((action <> ''::text)),
    CONSTRAINT commands_asked_by_check CHECK ((asked_by <> ''::text)),
    CONSTRAINT commands_check CHECK (((state = ANY (ARRAY['waiting'::text, 'sent'::text])) = (settled_at IS NULL))),
    CONSTRAINT commands_check1 CHECK (((sent_at IS NOT NULL) OR (state = ANY (ARRAY['waiting'::text, 'refused'::text, 'expired'::text])))),
    CONSTRAINT commands_parameters_check CHECK ((jsonb_typeof(parameters) = 'object'::text)),
    CONSTRAINT commands_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'done'::text, 'refused'::text, 'unknown'::text, 'expired'::text])))
);

CREATE TABLE public.control_calls (
    node text NOT NULL,
    citizen text NOT NULL,
    call_id text NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    leg text DEFAULT ''::text NOT NULL,
    place text NOT NULL,
    colleague text DEFAULT ''::text NOT NULL,
    colleague_leg text DEFAULT ''::text NOT NULL,
    slot text DEFAULT ''::text NOT NULL,
    result text DEFAULT ''::text NOT NULL,
    emergency text DEFAULT ''::text NOT NULL,
    searching_since timestamp with time zone,
    silent_since timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT control_calls_emergency_check CHECK ((emergency = ANY (ARRAY[''::text, 'dialling'::text, 'again'::text, 'answered'::text, 'failed'::text]))),
    CONSTRAINT control_calls_place_check CHECK ((place = ANY (ARRAY['talking'::text, 'held'::text, 'consulting'::text, 'consulted'::text, 'party'::text, 'parked'::text, 'sent'::text, 'queue'::text, 'over'::text])))
);

CREATE TABLE public.cutoff_suspensions (
    suspension_id uuid NOT NULL,
    begins timestamp with time zone NOT NULL,
    ends timestamp with time zone NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    tickets integer DEFAULT 0 NOT NULL,
    CONSTRAINT cutoff_suspensions_check CHECK ((ends > begins)),
    CONSTRAINT cutoff_suspensions_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE public.directory_versions (
    part text NOT NULL,
    changed_by xid8 NOT NULL
);

CREATE TABLE public.dirty_quarters (
    quarter timestamp with time zone NOT NULL,
    node text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT dirty_quarters_quarter_check CHECK ((quarter = date_bin('00:15:00'::interval, quarter, '1970-01-01 00:00:00+00'::timestamp with time zone)))
);

CREATE TABLE public.dispatch_rules (
    rule_id uuid NOT NULL,
    category text DEFAULT ''::text NOT NULL,
    term text DEFAULT ''::text NOT NULL,
    territory text DEFAULT ''::text NOT NULL,
    words text DEFAULT ''::text NOT NULL,
    unit text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    origin text NOT NULL,
    ticket_id bigint,
    note text DEFAULT ''::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_by text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT dispatch_rules_check CHECK ((valid_to >= valid_from)),
    CONSTRAINT dispatch_rules_check1 CHECK (((((category || term) || territory) || words) <> ''::text)),
    CONSTRAINT dispatch_rules_origin_check CHECK ((origin = ANY (ARRAY['office'::text, 'consultation'::text])))
);

CREATE TABLE public.dispatch_suggestions (
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    category text NOT NULL,
    suggested jsonb NOT NULL,
    chosen text NOT NULL,
    rank smallint,
    CONSTRAINT dispatch_suggestions_suggested_check CHECK ((jsonb_typeof(suggested) = 'array'::text))
);

CREATE TABLE public.escalations (
    ticket_id bigint NOT NULL,
    kind text NOT NULL,
    round smallint NOT NULL,
    extension smallint NOT NULL,
    step smallint NOT NULL,
    was_due timestamp with time zone NOT NULL,
    fired_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    mode text NOT NULL,
    level smallint NOT NULL,
    addressee text NOT NULL
);

CREATE TABLE public.exclusions (
    exclusion_id uuid NOT NULL,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone,
    queue text,
    node text,
    reason public.exclusion_reason NOT NULL,
    person text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_by text,
    confirmed_at timestamp with time zone,
    withdrawn_by text,
    withdrawn_at timestamp with time zone,
    CONSTRAINT exclusions_check CHECK ((to_at > from_at)),
    CONSTRAINT exclusions_check1 CHECK (((confirmed_by IS NULL) = (confirmed_at IS NULL))),
    CONSTRAINT exclusions_check2 CHECK (((withdrawn_by IS NULL) = (withdrawn_at IS NULL))),
    CONSTRAINT exclusions_check3 CHECK ((((reason)::text = 'overload'::text) = (person = 'system'::text))),
    CONSTRAINT exclusions_check4 CHECK (((confirmed_by <> ''::text) AND ((confirmed_by = 'system'::text) = ((reason)::text = 'overload'::text)))),
    CONSTRAINT exclusions_check5 CHECK ((((reason)::text = 'overload'::text) OR (confirmed_by <> person))),
    CONSTRAINT exclusions_person_check CHECK ((person <> ''::text))
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

CREATE TABLE public.gaps (
    gap_id uuid NOT NULL,
    node text NOT NULL,
    from_at timestamp with time zone,
    to_at timestamp with time zone,
    cause text NOT NULL
);

CREATE TABLE public.hot_words (
    day date NOT NULL,
    word text NOT NULL,
    calls integer NOT NULL,
    CONSTRAINT hot_words_calls_check CHECK ((calls >= 0)),
    CONSTRAINT hot_words_word_check CHECK ((word <> ''::text))
);

CREATE TABLE public.idempotency_keys (
    actor text NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    status smallint NOT NULL,
    answer text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.knowledge_entries (
    entry_id uuid NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    newest integer NOT NULL,
    owner_unit text DEFAULT ''::text NOT NULL,
    kind text NOT NULL,
    topic text NOT NULL,
    title text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    binding boolean DEFAULT false NOT NULL,
    category text DEFAULT ''::text NOT NULL,
    subject_terms text[] DEFAULT '{}'::text[] NOT NULL,
    author text DEFAULT ''::text NOT NULL,
    code text DEFAULT ''::text NOT NULL,
    folder text DEFAULT ''::text NOT NULL,
    key smallint,
    prompts text[] DEFAULT '{}'::text[] NOT NULL,
    document text DEFAULT ''::text NOT NULL,
    for_agents boolean DEFAULT true NOT NULL,
    for_ivr boolean DEFAULT false NOT NULL,
    for_web boolean DEFAULT false NOT NULL,
    secret boolean DEFAULT false NOT NULL,
    valid_from timestamp with time zone,
    valid_to timestamp with time zone,
    review_on date,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    ticket_id bigint,
    editor text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone,
    released_by text DEFAULT ''::text NOT NULL,
    heading_words tsvector NOT NULL,
    words tsvector NOT NULL,
    CONSTRAINT knowledge_entries_check CHECK ((newest >= version)),
    CONSTRAINT knowledge_entries_check1 CHECK ((valid_to > valid_from)),
    CONSTRAINT knowledge_entries_check2 CHECK (((NOT secret) OR (NOT (for_ivr OR for_web)))),
    CONSTRAINT knowledge_entries_check3 CHECK (((kind <> 'announcement'::text) OR (binding AND (answer <> ''::text) AND (valid_from IS NOT NULL) AND (valid_to IS NOT NULL)))),
    CONSTRAINT knowledge_entries_key_check CHECK (((key >= 1) AND (key <= 8))),
    CONSTRAINT knowledge_entries_kind_check CHECK ((kind = ANY (ARRAY['answer'::text, 'guide'::text, 'announcement'::text, 'troubleshooting'::text, 'notice'::text, 'expert'::text]))),
    CONSTRAINT knowledge_entries_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'released'::text, 'withdrawn'::text]))),
    CONSTRAINT knowledge_entries_title_check CHECK ((title <> ''::text)),
    CONSTRAINT knowledge_entries_version_check CHECK ((version > 0))
);

CREATE TABLE public.knowledge_events (
    entry_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    action text NOT NULL,
    version integer NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    CONSTRAINT knowledge_events_action_check CHECK ((action = ANY (ARRAY['released'::text, 'withdrawn'::text, 'reviewed'::text])))
);

CREATE TABLE public.knowledge_misses (
    text text NOT NULL,
    missed bigint DEFAULT 1 NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    last_by text NOT NULL,
    settled_at timestamp with time zone,
    settled_by text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.knowledge_reports (
    report_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    version integer NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    kind text NOT NULL,
    text text DEFAULT ''::text NOT NULL,
    settled_at timestamp with time zone,
    settled_by text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT knowledge_reports_kind_check CHECK ((kind = ANY (ARRAY['wrong'::text, 'outdated'::text, 'unclear'::text, 'incomplete'::text])))
);

CREATE TABLE public.knowledge_usage (
    entry_id uuid NOT NULL,
    used bigint DEFAULT 0 NOT NULL,
    last_used_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.knowledge_versions (
    entry_id uuid NOT NULL,
    version integer NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    restored integer,
    content jsonb NOT NULL
);

CREATE TABLE public.legal_holds (
    hold_id uuid NOT NULL,
    recording_id bigint,
    node text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    ticket_id bigint,
    reason text NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    lifted_by text DEFAULT ''::text NOT NULL,
    lifted_at timestamp with time zone,
    lifted_why text DEFAULT ''::text NOT NULL,
    CONSTRAINT legal_holds_check CHECK ((num_nonnulls(recording_id, ticket_id, NULLIF(call_id, ''::text)) = 1)),
    CONSTRAINT legal_holds_check1 CHECK (((node = ''::text) = (call_id = ''::text))),
    CONSTRAINT legal_holds_check2 CHECK (((lifted_at IS NULL) = (lifted_by = ''::text))),
    CONSTRAINT legal_holds_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT legal_holds_set_by_check CHECK ((set_by <> ''::text))
);

CREATE TABLE public.malicious_marks (
    mark_id bigint NOT NULL,
    number text NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    level smallint NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    marked_by text NOT NULL,
    marked_at timestamp with time zone NOT NULL,
    reported_at timestamp with time zone,
    reset_by text,
    reset_at timestamp with time zone,
    CONSTRAINT malicious_marks_check CHECK (((reset_by IS NULL) = (reset_at IS NULL))),
    CONSTRAINT malicious_marks_level_check CHECK (((level >= 1) AND (level <= 3))),
    CONSTRAINT malicious_marks_marked_by_check CHECK ((marked_by <> ''::text)),
    CONSTRAINT malicious_marks_number_check CHECK ((number <> ''::text))
);

ALTER TABLE public.malicious_marks ALTER COLUMN mark_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.malicious_marks_mark_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.message_intake (
    message_id bigint NOT NULL,
    recording_id bigint NOT NULL,
    state text NOT NULL,
    ticket_id bigint,
    own_version integer DEFAULT 0 NOT NULL,
    problem text DEFAULT ''::text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone,
    taken_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    heard_at timestamp with time zone,
    is_urgent boolean DEFAULT false NOT NULL,
    urgent jsonb DEFAULT '[]'::jsonb NOT NULL,
    suggestions jsonb DEFAULT '{}'::jsonb NOT NULL,
    kept boolean DEFAULT false NOT NULL,
    claimed_by text DEFAULT ''::text NOT NULL,
    claimed_at timestamp with time zone,
    ended_by text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT message_intake_check CHECK (((claimed_by <> ''::text) = (claimed_at IS NOT NULL))),
    CONSTRAINT message_intake_check1 CHECK (((state <> 'refused'::text) OR (next_at IS NOT NULL))),
    CONSTRAINT message_intake_check2 CHECK (((state <> 'open'::text) OR (ticket_id IS NOT NULL))),
    CONSTRAINT message_intake_state_check CHECK ((state = ANY (ARRAY['refused'::text, 'open'::text, 'set_aside'::text, 'done'::text]))),
    CONSTRAINT message_intake_suggestions_check CHECK ((jsonb_typeof(suggestions) = 'object'::text)),
    CONSTRAINT message_intake_urgent_check CHECK ((jsonb_typeof(urgent) = 'array'::text))
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

CREATE TABLE public.mystery_calls (
    mystery_id uuid NOT NULL,
    line text NOT NULL,
    at timestamp with time zone NOT NULL,
    attempts jsonb NOT NULL,
    passed boolean NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT mystery_calls_attempts_check CHECK (((jsonb_typeof(attempts) = 'array'::text) AND ((jsonb_array_length(attempts) >= 1) AND (jsonb_array_length(attempts) <= 3)))),
    CONSTRAINT mystery_calls_line_check CHECK ((line <> ''::text))
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

CREATE TABLE public.outbound_calls (
    outbound_id uuid NOT NULL,
    node text NOT NULL,
    agent text NOT NULL,
    number text NOT NULL,
    purpose text NOT NULL,
    ticket text DEFAULT ''::text NOT NULL,
    ordered_by text NOT NULL,
    ordered_at timestamp with time zone NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    dialled_at timestamp with time zone,
    answered_at timestamp with time zone,
    ended_at timestamp with time zone,
    result text DEFAULT ''::text NOT NULL,
    CONSTRAINT outbound_calls_agent_check CHECK ((agent <> ''::text)),
    CONSTRAINT outbound_calls_check CHECK (((ended_at IS NULL) OR (result <> ''::text))),
    CONSTRAINT outbound_calls_number_check CHECK ((number ~ '^[0-9]{3,20}$'::text)),
    CONSTRAINT outbound_calls_ordered_by_check CHECK ((ordered_by <> ''::text)),
    CONSTRAINT outbound_calls_purpose_check CHECK ((purpose = ANY (ARRAY['answer'::text, 'complete_data'::text, 'callback'::text, 'other'::text]))),
    CONSTRAINT outbound_calls_result_check CHECK ((result = ANY (ARRAY[''::text, 'answered'::text, 'busy'::text, 'no_answer'::text, 'unreachable'::text, 'agent_not_reached'::text, 'given_up'::text, 'unknown'::text])))
);

CREATE TABLE public.overdue_callers (
    number public.telephone_number NOT NULL,
    CONSTRAINT overdue_callers_number_check CHECK (((number)::text <> ''::text))
);

CREATE TABLE public.pgqueuer (
    id bigint NOT NULL,
    priority integer NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    execute_after timestamp with time zone DEFAULT now() NOT NULL,
    status public.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea,
    headers jsonb,
    attempts integer DEFAULT 0 NOT NULL,
    slot bigint
);

CREATE SEQUENCE public.pgqueuer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.pgqueuer_id_seq OWNED BY public.pgqueuer.id;

CREATE TABLE public.pgqueuer_log (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    job_id bigint NOT NULL,
    status public.pgqueuer_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
);

ALTER TABLE public.pgqueuer_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.pgqueuer_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pgqueuer_schedules (
    id bigint NOT NULL,
    expression text NOT NULL,
    entrypoint text NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    next_run timestamp with time zone DEFAULT now() NOT NULL,
    last_run timestamp with time zone,
    status public.pgqueuer_status DEFAULT 'queued'::public.pgqueuer_status
);

CREATE SEQUENCE public.pgqueuer_schedules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.pgqueuer_schedules_id_seq OWNED BY public.pgqueuer_schedules.id;

CREATE TABLE public.pgqueuer_statistics (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT date_trunc('sec'::text, now()) NOT NULL,
    count bigint NOT NULL,
    priority integer NOT NULL,
    status public.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL
);

CREATE SEQUENCE public.pgqueuer_statistics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.pgqueuer_statistics_id_seq OWNED BY public.pgqueuer_statistics.id;

CREATE TABLE public.places (
    code text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    territory text NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    words text[] DEFAULT '{}'::text[] NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT places_code_check CHECK ((code ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$'::text)),
    CONSTRAINT places_kind_check CHECK ((kind = ANY (ARRAY['county'::text, 'township'::text, 'village'::text, 'community'::text, 'street'::text, 'estate'::text, 'landmark'::text]))),
    CONSTRAINT places_name_check CHECK ((name <> ''::text)),
    CONSTRAINT places_territory_check CHECK ((territory ~ '^[A-Za-z0-9]{1,20}$'::text))
);

CREATE TABLE public.profile_versions (
    version integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    rules jsonb NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    changed jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT profile_versions_version_check CHECK ((version > 0))
);

CREATE TABLE public.quality_appeals (
    appeal_id uuid NOT NULL,
    score_id uuid NOT NULL,
    agent text NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    before jsonb NOT NULL,
    after jsonb,
    answer text DEFAULT ''::text NOT NULL,
    settled_by text DEFAULT ''::text NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT quality_appeals_check CHECK (((state = 'open'::text) = (settled_at IS NULL))),
    CONSTRAINT quality_appeals_check1 CHECK (((state <> 'changed'::text) OR (after IS NOT NULL))),
    CONSTRAINT quality_appeals_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT quality_appeals_state_check CHECK ((state = ANY (ARRAY['open'::text, 'kept'::text, 'changed'::text])))
);

CREATE TABLE public.quality_calibrations (
    calibration_id uuid NOT NULL,
    recording_id bigint NOT NULL,
    sheet text NOT NULL,
    version integer NOT NULL,
    scorers text[] NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    closed_at timestamp with time zone,
    closed_by text DEFAULT ''::text NOT NULL,
    CONSTRAINT quality_calibrations_scorers_check CHECK ((cardinality(scorers) >= 2))
);

CREATE TABLE public.quality_checks (
    recording_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    length_ms integer NOT NULL,
    rules integer NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    words_of timestamp with time zone,
    outcomes jsonb NOT NULL,
    is_wanted boolean DEFAULT false NOT NULL
);

CREATE TABLE public.quality_draws (
    plan_id uuid NOT NULL,
    week date NOT NULL,
    seed bigint NOT NULL,
    calls integer NOT NULL,
    drawn integer NOT NULL,
    drawn_at timestamp with time zone NOT NULL,
    drawn_by text NOT NULL,
    CONSTRAINT quality_draws_week_check CHECK ((EXTRACT(isodow FROM week) = (1)::numeric))
);

CREATE TABLE public.quality_errors (
    error_id uuid NOT NULL,
    agent text NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    ticket text DEFAULT ''::text NOT NULL,
    recording_id bigint,
    note text DEFAULT ''::text NOT NULL,
    noted_by text NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    withdrawn_by text DEFAULT ''::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    CONSTRAINT quality_errors_agent_check CHECK ((agent <> ''::text)),
    CONSTRAINT quality_errors_kind_check CHECK ((kind = ANY (ARRAY['wrong_unit'::text, 'form_returned'::text, 'wrong_answer'::text, 'missed_confidentiality'::text, 'other'::text])))
);

CREATE TABLE public.quality_findings (
    finding_id bigint NOT NULL,
    recording_id bigint NOT NULL,
    code text NOT NULL,
    agent text NOT NULL,
    severity text NOT NULL,
    at timestamp with time zone NOT NULL,
    from_ms integer NOT NULL,
    to_ms integer NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    rules integer NOT NULL,
    found_at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone,
    judged text DEFAULT ''::text NOT NULL,
    judged_by text DEFAULT ''::text NOT NULL,
    judged_at timestamp with time zone,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT quality_findings_check CHECK ((to_ms >= from_ms)),
    CONSTRAINT quality_findings_from_ms_check CHECK ((from_ms >= 0)),
    CONSTRAINT quality_findings_judged_check CHECK ((judged = ANY (ARRAY[''::text, 'confirmed'::text, 'dismissed'::text]))),
    CONSTRAINT quality_findings_severity_check CHECK ((severity = ANY (ARRAY['note'::text, 'minor'::text, 'serious'::text])))
);

ALTER TABLE public.quality_findings ALTER COLUMN finding_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.quality_findings_finding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.quality_flags (
    flag_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    number smallint NOT NULL,
    agent text NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT quality_flags_kind_check CHECK ((kind = 'agent_hung_up_first'::text))
);

ALTER TABLE public.quality_flags ALTER COLUMN flag_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.quality_flags_flag_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.quality_plans (
    plan_id uuid NOT NULL,
    name text NOT NULL,
    sheet text NOT NULL,
    rule jsonb NOT NULL,
    seed bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    ended_at timestamp with time zone,
    ended_by text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.quality_reply_checks (
    reply_id uuid NOT NULL,
    verdict text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    checked_by text NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    CONSTRAINT quality_reply_checks_verdict_check CHECK ((verdict = ANY (ARRAY['true'::text, 'not_true'::text, 'not_to_rule'::text])))
);

CREATE TABLE public.quality_rules (
    version integer NOT NULL,
    digest text NOT NULL,
    rules jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL
);

ALTER TABLE public.quality_rules ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.quality_rules_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.quality_samples (
    sample_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    week date NOT NULL,
    recording_id bigint NOT NULL,
    agent text NOT NULL
);

CREATE TABLE public.quality_scores (
    score_id uuid NOT NULL,
    recording_id bigint NOT NULL,
    agent text NOT NULL,
    sample_id uuid,
    calibration_id uuid,
    sheet text NOT NULL,
    version integer NOT NULL,
    scorer text NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    points jsonb DEFAULT '{}'::jsonb NOT NULL,
    vetoes text[] DEFAULT '{}'::text[] NOT NULL,
    remark text DEFAULT ''::text NOT NULL,
    total double precision DEFAULT 0 NOT NULL,
    most double precision NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    submitted_at timestamp with time zone,
    CONSTRAINT quality_scores_check CHECK (((sample_id IS NULL) OR (calibration_id IS NULL))),
    CONSTRAINT quality_scores_check1 CHECK (((state = 'submitted'::text) = (submitted_at IS NOT NULL))),
    CONSTRAINT quality_scores_most_check CHECK ((most > (0)::double precision)),
    CONSTRAINT quality_scores_scorer_check CHECK ((scorer <> ''::text)),
    CONSTRAINT quality_scores_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'submitted'::text])))
);

CREATE TABLE public.quality_sheets (
    sheet text NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    CONSTRAINT quality_sheets_sheet_check CHECK ((sheet ~ '^[a-z][a-z0-9_]{0,39}$'::text)),
    CONSTRAINT quality_sheets_version_check CHECK ((version >= 1))
);

CREATE TABLE public.quality_suggestions (
    suggestion_id uuid NOT NULL,
    text text NOT NULL,
    by text NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    answered_by text DEFAULT ''::text NOT NULL,
    answered_at timestamp with time zone,
    CONSTRAINT quality_suggestions_check CHECK (((state = 'open'::text) = (answered_at IS NULL))),
    CONSTRAINT quality_suggestions_state_check CHECK ((state = ANY (ARRAY['open'::text, 'accepted'::text, 'declined'::text]))),
    CONSTRAINT quality_suggestions_text_check CHECK ((text <> ''::text))
);

CREATE TABLE public.queue_listings (
    node text NOT NULL,
    listed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.queue_members (
    node text NOT NULL,
    queue text NOT NULL,
    interface text NOT NULL,
    agent text NOT NULL,
    penalty integer NOT NULL,
    paused boolean NOT NULL,
    pause_reason text NOT NULL,
    status smallint NOT NULL,
    paused_at timestamp with time zone,
    at timestamp with time zone NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE public.recording_masks (
    mask_id bigint NOT NULL,
    recording_id bigint NOT NULL,
    from_ms integer NOT NULL,
    to_ms integer NOT NULL,
    reason text NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    lifted_by text DEFAULT ''::text NOT NULL,
    lifted_at timestamp with time zone,
    lift_reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT recording_masks_check CHECK ((to_ms > from_ms)),
    CONSTRAINT recording_masks_check1 CHECK (((lifted_at IS NULL) = (lifted_by = ''::text))),
    CONSTRAINT recording_masks_from_ms_check CHECK ((from_ms >= 0)),
    CONSTRAINT recording_masks_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE public.recording_masks ALTER COLUMN mask_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recording_masks_mask_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.recording_pauses (
    pause_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    paused_by text NOT NULL,
    paused_at timestamp with time zone NOT NULL,
    resumed_by text DEFAULT ''::text NOT NULL,
    resumed_at timestamp with time zone,
    CONSTRAINT recording_pauses_paused_by_check CHECK ((paused_by <> ''::text))
);

ALTER TABLE public.recording_pauses ALTER COLUMN pause_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recording_pauses_pause_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.recording_plays (
    play_id bigint NOT NULL,
    recording_id bigint NOT NULL,
    kind text NOT NULL,
    listener text NOT NULL,
    role text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    side text DEFAULT ''::text NOT NULL,
    began_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    requests integer DEFAULT 1 NOT NULL,
    asked int4multirange DEFAULT '{}'::int4multirange NOT NULL,
    sent int4multirange DEFAULT '{}'::int4multirange NOT NULL,
    CONSTRAINT recording_plays_kind_check CHECK ((kind = ANY (ARRAY['listened'::text, 'downloaded'::text]))),
    CONSTRAINT recording_plays_listener_check CHECK ((listener <> ''::text)),
    CONSTRAINT recording_plays_side_check CHECK ((side = ANY (ARRAY[''::text, 'left'::text, 'right'::text])))
);

ALTER TABLE public.recording_plays ALTER COLUMN play_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recording_plays_play_id_seq
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
    state text DEFAULT 'taken_in'::text NOT NULL,
    quality text DEFAULT ''::text NOT NULL,
    voices jsonb DEFAULT '[]'::jsonb NOT NULL,
    manifest jsonb,
    peaks bytea,
    storage text DEFAULT ''::text NOT NULL,
    object text DEFAULT ''::text NOT NULL,
    object_bytes bigint,
    object_sha256 text DEFAULT ''::text NOT NULL,
    key_id text DEFAULT ''::text NOT NULL,
    wrapped_key bytea,
    sealed_at timestamp with time zone,
    deleted_at timestamp with time zone,
    CONSTRAINT recordings_kind_check CHECK ((kind = ANY (ARRAY['conversation'::text, 'message'::text]))),
    CONSTRAINT recordings_quality_check CHECK ((quality = ANY (ARRAY[''::text, 'empty'::text, 'silent'::text, 'fax'::text, 'damaged'::text]))),
    CONSTRAINT recordings_sealed CHECK (((state <> 'stored'::text) OR ((manifest IS NOT NULL) AND (object <> ''::text) AND (wrapped_key IS NOT NULL)))),
    CONSTRAINT recordings_state_check CHECK ((state = ANY (ARRAY['taken_in'::text, 'stored'::text, 'deleted'::text]))),
    CONSTRAINT recordings_storage_check CHECK ((storage = ANY (ARRAY[''::text, 'local'::text, 's3'::text]))),
    CONSTRAINT recordings_voices_check CHECK ((jsonb_typeof(voices) = 'array'::text))
);

CREATE TABLE public.ticket_callbacks (
    callback_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    reached boolean NOT NULL,
    on_call boolean DEFAULT false NOT NULL,
    node text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    unit_replied boolean,
    process_satisfaction text,
    result_satisfaction text,
    solved boolean,
    reasonable boolean,
    reason text DEFAULT ''::text NOT NULL,
    opinions text DEFAULT ''::text NOT NULL,
    verified boolean DEFAULT false NOT NULL
);

CREATE TABLE public.ticket_contacts (
    contact_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    node text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    number public.telephone_number DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    by text NOT NULL,
    source text DEFAULT ''::text NOT NULL,
    CONSTRAINT ticket_contacts_kind_check CHECK ((kind = ANY (ARRAY['first'::text, 'repeat'::text, 'result'::text, 'supplement'::text, 'withdrawal'::text, 'same_matter'::text, 'callback'::text])))
);

CREATE TABLE public.tickets (
    ticket_id bigint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    channel text NOT NULL,
    state text NOT NULL,
    before text,
    profile text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    accept_agent text DEFAULT ''::text NOT NULL,
    assign_agent text DEFAULT ''::text NOT NULL,
    node text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    content text DEFAULT ''::text NOT NULL,
    event_time text DEFAULT ''::text NOT NULL,
    event_place text DEFAULT ''::text NOT NULL,
    persons text DEFAULT ''::text NOT NULL,
    demand text DEFAULT ''::text NOT NULL,
    nature text,
    category text DEFAULT ''::text NOT NULL,
    related_category text DEFAULT ''::text NOT NULL,
    taxonomy_version integer DEFAULT 0 NOT NULL,
    subject_terms text[] DEFAULT '{}'::text[] NOT NULL,
    territory text DEFAULT ''::text NOT NULL,
    special_group text DEFAULT ''::text NOT NULL,
    service_mode text DEFAULT ''::text NOT NULL,
    reply_wanted boolean DEFAULT true NOT NULL,
    hidden text[] DEFAULT '{}'::text[] NOT NULL,
    anonymous boolean DEFAULT false NOT NULL,
    urgent boolean DEFAULT false NOT NULL,
    leader_event boolean DEFAULT false NOT NULL,
    leader_item boolean DEFAULT false NOT NULL,
    green_channel boolean DEFAULT false NOT NULL,
    service_complaint boolean DEFAULT false NOT NULL,
    misconduct boolean DEFAULT false NOT NULL,
    untrue boolean,
    publishable boolean DEFAULT false NOT NULL,
    accused_unit text DEFAULT ''::text NOT NULL,
    upstream_system text DEFAULT ''::text NOT NULL,
    upstream_no text DEFAULT ''::text NOT NULL,
    upstream_due_at timestamp with time zone,
    regulatory_due_at timestamp with time zone,
    handling_mode text DEFAULT ''::text NOT NULL,
    item_kind text DEFAULT 'time_limited'::text NOT NULL,
    lead_unit text DEFAULT ''::text NOT NULL,
    co_units text[] DEFAULT '{}'::text[] NOT NULL,
    doubt text DEFAULT ''::text NOT NULL,
    released boolean DEFAULT true NOT NULL,
    dispatched_at timestamp with time zone,
    received_at timestamp with time zone,
    due_at timestamp with time zone,
    promised_at timestamp with time zone,
    replied_at timestamp with time zone,
    answer_case text DEFAULT ''::text NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    reject_reason text DEFAULT ''::text NOT NULL,
    process_satisfaction text,
    result_satisfaction text,
    solved boolean,
    reasonable boolean,
    closing_ground text,
    reviewed_at timestamp with time zone,
    closed_at timestamp with time zone,
    archived_at timestamp with time zone,
    parent_id bigint,
    merged_into bigint,
    report_again_of bigint,
    CONSTRAINT tickets_check CHECK ((((state = 'merged'::text) = (merged_into IS NOT NULL)) OR (state = 'archived'::text))),
    CONSTRAINT tickets_check1 CHECK (((state <> 'closed'::text) OR (closing_ground IS NOT NULL))),
    CONSTRAINT tickets_hidden_check CHECK ((hidden <@ '{name,phone,workplace,result,all}'::text[])),
    CONSTRAINT tickets_ticket_id_check CHECK ((ticket_id > '2000010100000'::bigint))
);

CREATE VIEW public.recording_tickets WITH (security_barrier='true') AS
 SELECT r.recording_id,
    t.ticket_id
   FROM (public.recordings r
     JOIN public.tickets t ON (((t.node = r.node) AND (t.call_id = r.call_id))))
  WHERE (t.call_id <> ''::text)
UNION
 SELECT r.recording_id,
    c.ticket_id
   FROM (public.recordings r
     JOIN public.ticket_contacts c ON (((c.node = r.node) AND (c.call_id = r.call_id))))
  WHERE (c.call_id <> ''::text)
UNION
 SELECT r.recording_id,
    b.ticket_id
   FROM (public.recordings r
     JOIN public.ticket_callbacks b ON (((b.node = r.node) AND (b.call_id = r.call_id))))
  WHERE (b.call_id <> ''::text);

ALTER TABLE public.recordings ALTER COLUMN recording_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recordings_recording_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.requests (
    node text NOT NULL,
    call_id text NOT NULL,
    number smallint NOT NULL,
    kind text NOT NULL,
    caller text NOT NULL,
    queue text NOT NULL,
    first_queue text NOT NULL,
    skill text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome text NOT NULL,
    wait_us bigint NOT NULL,
    agent text,
    hops smallint DEFAULT 0 NOT NULL,
    repaired boolean DEFAULT false NOT NULL,
    source text NOT NULL,
    precision_us bigint DEFAULT 1 NOT NULL,
    excluded public.exclusion_reason,
    void boolean DEFAULT false NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT requests_check CHECK (((outcome = 'waiting'::text) = (ended_at IS NULL))),
    CONSTRAINT requests_check1 CHECK (((outcome <> 'waiting'::text) OR (wait_us = 0))),
    CONSTRAINT requests_hops_check CHECK ((hops >= 0)),
    CONSTRAINT requests_kind_check CHECK ((kind = ANY (ARRAY['caller'::text, 'transfer'::text]))),
    CONSTRAINT requests_number_check CHECK ((number >= 1)),
    CONSTRAINT requests_outcome_check CHECK ((outcome = ANY (ARRAY['answered'::text, 'short_abandoned'::text, 'abandoned'::text, 'timed_out'::text, 'no_agents'::text, 'queue_full'::text, 'key_exit'::text, 'callback'::text, 'system_fault'::text, 'waiting'::text]))),
    CONSTRAINT requests_precision_us_check CHECK ((precision_us >= 1)),
    CONSTRAINT requests_wait_us_check CHECK ((wait_us >= 0))
)
PARTITION BY RANGE (requested_at);

CREATE TABLE public.requests_default (
    node text CONSTRAINT requests_node_not_null NOT NULL,
    call_id text CONSTRAINT requests_call_id_not_null NOT NULL,
    number smallint CONSTRAINT requests_number_not_null NOT NULL,
    kind text CONSTRAINT requests_kind_not_null NOT NULL,
    caller text CONSTRAINT requests_caller_not_null NOT NULL,
    queue text CONSTRAINT requests_queue_not_null NOT NULL,
    first_queue text CONSTRAINT requests_first_queue_not_null NOT NULL,
    skill text CONSTRAINT requests_skill_not_null NOT NULL,
    requested_at timestamp with time zone CONSTRAINT requests_requested_at_not_null NOT NULL,
    ended_at timestamp with time zone,
    outcome text CONSTRAINT requests_outcome_not_null NOT NULL,
    wait_us bigint CONSTRAINT requests_wait_us_not_null NOT NULL,
    agent text,
    hops smallint DEFAULT 0 CONSTRAINT requests_hops_not_null NOT NULL,
    repaired boolean DEFAULT false CONSTRAINT requests_repaired_not_null NOT NULL,
    source text CONSTRAINT requests_source_not_null NOT NULL,
    precision_us bigint DEFAULT 1 CONSTRAINT requests_precision_us_not_null NOT NULL,
    excluded public.exclusion_reason,
    void boolean DEFAULT false CONSTRAINT requests_void_not_null NOT NULL,
    version bigint CONSTRAINT requests_version_not_null NOT NULL,
    CONSTRAINT requests_check CHECK (((outcome = 'waiting'::text) = (ended_at IS NULL))),
    CONSTRAINT requests_check1 CHECK (((outcome <> 'waiting'::text) OR (wait_us = 0))),
    CONSTRAINT requests_hops_check CHECK ((hops >= 0)),
    CONSTRAINT requests_kind_check CHECK ((kind = ANY (ARRAY['caller'::text, 'transfer'::text]))),
    CONSTRAINT requests_number_check CHECK ((number >= 1)),
    CONSTRAINT requests_outcome_check CHECK ((outcome = ANY (ARRAY['answered'::text, 'short_abandoned'::text, 'abandoned'::text, 'timed_out'::text, 'no_agents'::text, 'queue_full'::text, 'key_exit'::text, 'callback'::text, 'system_fault'::text, 'waiting'::text]))),
    CONSTRAINT requests_precision_us_check CHECK ((precision_us >= 1)),
    CONSTRAINT requests_wait_us_check CHECK ((wait_us >= 0))
);

CREATE TABLE public.retaliation_reports (
    report_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    said text NOT NULL,
    against text DEFAULT ''::text NOT NULL,
    node text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    closed_at timestamp with time zone,
    closed_by text DEFAULT ''::text NOT NULL,
    finding text DEFAULT ''::text NOT NULL,
    CONSTRAINT retaliation_reports_said_check CHECK ((said <> ''::text))
);

CREATE TABLE public.rollups (
    level smallint NOT NULL,
    start timestamp with time zone NOT NULL,
    node text NOT NULL,
    queue text NOT NULL,
    skill text NOT NULL,
    kind text NOT NULL,
    excluded text DEFAULT ''::text NOT NULL,
    tally bytea NOT NULL,
    CONSTRAINT rollups_level_check CHECK (((level >= 1) AND (level <= 4)))
);

CREATE TABLE public.schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.shift_plan (
    agent text NOT NULL,
    begins timestamp with time zone NOT NULL,
    ends timestamp with time zone NOT NULL,
    CONSTRAINT shift_plan_check CHECK ((ends > begins))
);

CREATE TABLE public.spoken_articles (
    code public.keypad_code NOT NULL,
    parent public.keypad_code,
    "position" smallint NOT NULL,
    title text NOT NULL,
    text text DEFAULT ''::text NOT NULL,
    prompts public.prompt_list NOT NULL,
    document text,
    entry_id uuid,
    CONSTRAINT spoken_articles_check CHECK (((parent)::text <> (code)::text)),
    CONSTRAINT spoken_articles_position_check CHECK ((("position" >= 1) AND ("position" <= 9))),
    CONSTRAINT spoken_articles_title_check CHECK ((title <> ''::text))
);

CREATE TABLE public.staff_complaints (
    complaint_id uuid NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    about text NOT NULL,
    step text NOT NULL,
    at timestamp with time zone NOT NULL,
    ticket text DEFAULT ''::text NOT NULL,
    text text NOT NULL,
    logged_by text NOT NULL,
    logged_at timestamp with time zone NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    checked_by text DEFAULT ''::text NOT NULL,
    checked_at timestamp with time zone,
    conclusion text DEFAULT ''::text NOT NULL,
    CONSTRAINT staff_complaints_about_check CHECK ((about = ANY (ARRAY['attitude'::text, 'professional'::text]))),
    CONSTRAINT staff_complaints_check CHECK (((state = 'open'::text) = (checked_at IS NULL))),
    CONSTRAINT staff_complaints_state_check CHECK ((state = ANY (ARRAY['open'::text, 'valid'::text, 'invalid'::text]))),
    CONSTRAINT staff_complaints_step_check CHECK ((step = ANY (ARRAY['acceptance'::text, 'transfer'::text, 'handling'::text, 'callback'::text, 'supervision'::text])))
);

CREATE TABLE public.subject_terms (
    term text NOT NULL,
    words text[] DEFAULT '{}'::text[] NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT subject_terms_term_check CHECK ((term <> ''::text))
);

CREATE TABLE public.supervision_events (
    supervision_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    mode text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    CONSTRAINT supervision_events_check CHECK (((mode = ''::text) <> (call_id = ''::text)))
);

CREATE TABLE public.supervisions (
    supervision_id uuid NOT NULL,
    node text NOT NULL,
    person text NOT NULL,
    role text NOT NULL,
    seat text NOT NULL,
    channel text NOT NULL,
    target text NOT NULL,
    whom text NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    reason text NOT NULL,
    may smallint NOT NULL,
    mode text NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    ended text DEFAULT ''::text NOT NULL,
    CONSTRAINT supervisions_check CHECK (((ended_at IS NULL) = (ended = ''::text))),
    CONSTRAINT supervisions_ended_check CHECK ((ended = ANY (ARRAY[''::text, 'hung_up'::text, 'not_answered'::text, 'lost'::text]))),
    CONSTRAINT supervisions_may_check CHECK (((may >= 1) AND (may <= 3))),
    CONSTRAINT supervisions_mode_check CHECK ((mode = ANY (ARRAY['monitor'::text, 'caller'::text, 'agent'::text, 'whisper'::text, 'barge'::text, 'take_over'::text]))),
    CONSTRAINT supervisions_person_check CHECK ((person <> ''::text)),
    CONSTRAINT supervisions_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT supervisions_target_check CHECK ((target = ANY (ARRAY['call'::text, 'agent'::text, 'queue'::text]))),
    CONSTRAINT supervisions_whom_check CHECK ((whom <> ''::text))
);

CREATE TABLE public.surge_contacts (
    surge_id uuid NOT NULL,
    contact text NOT NULL,
    at timestamp with time zone NOT NULL,
    node text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    ticket_id bigint,
    recording_id bigint
);

CREATE TABLE public.surges (
    surge_id uuid NOT NULL,
    topic text NOT NULL,
    place text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'raised'::text NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    contacts integer NOT NULL,
    baseline real NOT NULL,
    limit_value real NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    note text DEFAULT ''::text NOT NULL,
    master_ticket bigint,
    announcement uuid,
    CONSTRAINT surges_check CHECK ((last_at >= raised_at)),
    CONSTRAINT surges_check1 CHECK ((ended_at >= raised_at)),
    CONSTRAINT surges_check2 CHECK ((((state = 'raised'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT surges_state_check CHECK ((state = ANY (ARRAY['raised'::text, 'confirmed'::text, 'dismissed'::text]))),
    CONSTRAINT surges_topic_check CHECK ((topic ~ '^[cs]:.'::text))
);

CREATE TABLE public.taxonomy_items (
    version integer NOT NULL,
    code text NOT NULL,
    parent text DEFAULT ''::text NOT NULL,
    scheme text DEFAULT 'content'::text NOT NULL,
    zh text NOT NULL,
    en text NOT NULL,
    active boolean NOT NULL,
    valid_from date,
    valid_to date,
    units text[] DEFAULT '{}'::text[] NOT NULL,
    profiles text[] DEFAULT '{}'::text[] NOT NULL,
    words text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT taxonomy_items_code_check CHECK ((code ~ '^[A-Z][A-Z0-9]{0,7}(\.[0-9]{2,3})?$'::text)),
    CONSTRAINT taxonomy_items_en_check CHECK ((en <> ''::text)),
    CONSTRAINT taxonomy_items_zh_check CHECK ((zh <> ''::text))
);

CREATE TABLE public.taxonomy_versions (
    version integer NOT NULL,
    valid_from date NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    made_by text NOT NULL,
    file text NOT NULL,
    CONSTRAINT taxonomy_versions_version_check CHECK ((version > 0))
);

CREATE TABLE public.threeways (
    threeway_id bigint NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    caller_channel text NOT NULL,
    agent text NOT NULL,
    agent_channel text NOT NULL,
    unit_channel text DEFAULT ''::text NOT NULL,
    unit text NOT NULL,
    unit_name text DEFAULT ''::text NOT NULL,
    consent boolean NOT NULL,
    question text DEFAULT ''::text NOT NULL,
    contact_number text DEFAULT ''::text NOT NULL,
    numbers jsonb DEFAULT '[]'::jsonb NOT NULL,
    attempts jsonb DEFAULT '[]'::jsonb NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    connected_at timestamp with time zone,
    joined_at timestamp with time zone,
    ended_at timestamp with time zone,
    caller_is text NOT NULL,
    agent_is text NOT NULL,
    unit_is text NOT NULL,
    disposition text DEFAULT ''::text NOT NULL,
    outcome text,
    "left" text[] DEFAULT '{}'::text[] NOT NULL,
    further_questions text DEFAULT ''::text NOT NULL,
    asked text DEFAULT ''::text NOT NULL,
    asked_at timestamp with time zone,
    heard jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT threeways_agent_check CHECK ((agent <> ''::text)),
    CONSTRAINT threeways_agent_is_check CHECK ((agent_is = ANY (ARRAY['dialling'::text, 'room'::text, 'caller'::text, 'gone'::text]))),
    CONSTRAINT threeways_attempts_check CHECK (((jsonb_typeof(attempts) = 'array'::text) AND (jsonb_array_length(attempts) <= 2))),
    CONSTRAINT threeways_caller_is_check CHECK ((caller_is = ANY (ARRAY['waiting'::text, 'room'::text, 'queue'::text, 'agent'::text, 'gone'::text]))),
    CONSTRAINT threeways_check CHECK (((outcome IS NULL) = (ended_at IS NULL))),
    CONSTRAINT threeways_check1 CHECK ((consent OR (outcome = 'no_consent'::text))),
    CONSTRAINT threeways_disposition_check CHECK ((disposition = ANY (ARRAY[''::text, 'declined'::text, 'wrong_unit'::text, 'not_competent'::text, 'machine'::text, 'fax'::text, 'cancelled'::text]))),
    CONSTRAINT threeways_numbers_check CHECK ((jsonb_typeof(numbers) = 'array'::text)),
    CONSTRAINT threeways_outcome_check CHECK ((outcome = ANY (ARRAY['answered'::text, 'not_competent'::text, 'declined'::text, 'unreachable'::text, 'caller_left'::text, 'no_consent'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT threeways_unit_is_check CHECK ((unit_is = ANY (ARRAY['away'::text, 'room'::text, 'gone'::text])))
);

ALTER TABLE public.threeways ALTER COLUMN threeway_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.threeways_threeway_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
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

CREATE TABLE public.ticket_attachments (
    attachment_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    kind text DEFAULT 'other'::text NOT NULL,
    for_units boolean DEFAULT true NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT ticket_attachments_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT ticket_attachments_name_check CHECK ((name <> ''::text))
);

CREATE TABLE public.ticket_clocks (
    ticket_id bigint NOT NULL,
    kind text NOT NULL,
    round smallint NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    paused_at timestamp with time zone,
    stopped_at timestamp with time zone,
    stopped_with text DEFAULT ''::text NOT NULL,
    met boolean,
    excluded boolean DEFAULT false NOT NULL,
    profile_version integer NOT NULL,
    facts jsonb NOT NULL,
    why jsonb NOT NULL,
    extension smallint DEFAULT 0 NOT NULL,
    next_step smallint DEFAULT 0 NOT NULL,
    next_fire_at timestamp with time zone,
    CONSTRAINT ticket_clocks_check CHECK (((stopped_at IS NULL) OR (next_fire_at IS NULL))),
    CONSTRAINT ticket_clocks_check1 CHECK (((stopped_at IS NULL) = (stopped_with = ''::text))),
    CONSTRAINT ticket_clocks_round_check CHECK ((round > 0)),
    CONSTRAINT ticket_clocks_stopped_with_check CHECK ((stopped_with = ANY (ARRAY[''::text, 'one'::text, 'all'::text])))
);

CREATE TABLE public.ticket_days (
    day date NOT NULL,
    last integer NOT NULL,
    CONSTRAINT ticket_days_last_check CHECK ((last > 0))
);

CREATE TABLE public.ticket_drafts (
    draft_id uuid NOT NULL,
    node text NOT NULL,
    call_id text NOT NULL,
    threeway_id text DEFAULT ''::text NOT NULL,
    caller text DEFAULT ''::text NOT NULL,
    contact_number text DEFAULT ''::text NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    unit_name text DEFAULT ''::text NOT NULL,
    question text DEFAULT ''::text NOT NULL,
    consent boolean,
    attempts jsonb DEFAULT '[]'::jsonb NOT NULL,
    joined_at timestamp with time zone,
    end_order text DEFAULT ''::text NOT NULL,
    outcome text NOT NULL,
    further_questions text DEFAULT ''::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    taken_at timestamp with time zone,
    CONSTRAINT ticket_drafts_attempts_check CHECK ((jsonb_typeof(attempts) = 'array'::text)),
    CONSTRAINT ticket_drafts_made_by_check CHECK ((made_by <> ''::text)),
    CONSTRAINT ticket_drafts_outcome_check CHECK ((outcome = ANY (ARRAY['answered'::text, 'not_competent'::text, 'declined'::text, 'unreachable'::text, 'caller_left'::text, 'no_consent'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE TABLE public.ticket_events (
    ticket_id bigint NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    role text NOT NULL,
    action text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);

CREATE TABLE public.ticket_identities (
    ticket_id bigint NOT NULL,
    caller_id uuid,
    caller_name text DEFAULT ''::text NOT NULL,
    caller_title text DEFAULT ''::text NOT NULL,
    workplace text DEFAULT ''::text NOT NULL,
    home_address text DEFAULT ''::text NOT NULL,
    caller_phone public.telephone_number DEFAULT ''::text NOT NULL,
    calling_number public.telephone_number DEFAULT ''::text NOT NULL,
    callback_phone public.telephone_number DEFAULT ''::text NOT NULL
);

CREATE TABLE public.ticket_papers (
    paper_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    text text NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    due_at timestamp with time zone,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    seen_at timestamp with time zone,
    CONSTRAINT ticket_papers_kind_check CHECK ((kind = ANY (ARRAY['report'::text, 'instruction'::text, 'consultation'::text, 'result'::text, 'accountability'::text, 'reply_letter'::text, 'countersign'::text])))
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

CREATE TABLE public.ticket_replies (
    reply_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    unit text NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    kind text DEFAULT 'final'::text NOT NULL,
    basis text DEFAULT ''::text NOT NULL,
    reasons text DEFAULT ''::text NOT NULL,
    policy text DEFAULT ''::text NOT NULL,
    time_limit text DEFAULT ''::text NOT NULL,
    analysis text DEFAULT ''::text NOT NULL,
    present_state text DEFAULT ''::text NOT NULL,
    result text DEFAULT ''::text NOT NULL,
    opinions text DEFAULT ''::text NOT NULL,
    is_true text NOT NULL,
    solvable text NOT NULL,
    outcome text NOT NULL,
    planned_on date,
    citizen_told boolean NOT NULL,
    told_at timestamp with time zone,
    approved_by text DEFAULT ''::text NOT NULL,
    approved_at timestamp with time zone,
    head_signed text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    opinion text DEFAULT ''::text NOT NULL,
    warnings text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT ticket_replies_is_true_check CHECK ((is_true = ANY (ARRAY['yes'::text, 'partly'::text, 'no'::text]))),
    CONSTRAINT ticket_replies_kind_check CHECK ((kind = ANY (ARRAY['first'::text, 'final'::text]))),
    CONSTRAINT ticket_replies_outcome_check CHECK ((outcome = ANY (ARRAY['resolved'::text, 'planned'::text, 'explained'::text, 'not_true'::text]))),
    CONSTRAINT ticket_replies_solvable_check CHECK ((solvable = ANY (ARRAY['yes'::text, 'later'::text, 'no'::text]))),
    CONSTRAINT ticket_replies_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'sent'::text, 'sent_back'::text, 'refused'::text])))
);

CREATE TABLE public.ticket_requests (
    request_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    kind text NOT NULL,
    unit text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    asked_by text NOT NULL,
    reason text NOT NULL,
    days integer,
    suggested text DEFAULT ''::text NOT NULL,
    late boolean DEFAULT false NOT NULL,
    signed_by text DEFAULT ''::text NOT NULL,
    endorsed_at timestamp with time zone,
    endorsed_by text DEFAULT ''::text NOT NULL,
    decided_at timestamp with time zone,
    decided_by text DEFAULT ''::text NOT NULL,
    approved boolean,
    opinion text DEFAULT ''::text NOT NULL,
    old_due_at timestamp with time zone,
    new_due_at timestamp with time zone,
    CONSTRAINT ticket_requests_kind_check CHECK ((kind = ANY (ARRAY['return'::text, 'extension'::text, 'second_extension'::text]))),
    CONSTRAINT ticket_requests_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE public.ticket_supervisions (
    supervision_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    mode text NOT NULL,
    kind text DEFAULT 'ordinary'::text NOT NULL,
    level smallint DEFAULT 0 NOT NULL,
    by text NOT NULL,
    addressee text NOT NULL,
    demand text NOT NULL,
    answer_due_at timestamp with time zone,
    answered_at timestamp with time zone,
    answered_by text DEFAULT ''::text NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    result text DEFAULT ''::text NOT NULL,
    CONSTRAINT ticket_supervisions_kind_check CHECK ((kind = ANY (ARRAY['ordinary'::text, 'leader'::text, 'media'::text, 'leader_again'::text, 'urge'::text, 'plan'::text]))),
    CONSTRAINT ticket_supervisions_mode_check CHECK ((mode = ANY (ARRAY['electronic'::text, 'telephone'::text, 'written'::text, 'on_site'::text])))
);

CREATE TABLE public.ticket_tasks (
    task_id uuid NOT NULL,
    ticket_id bigint NOT NULL,
    unit text NOT NULL,
    kind text NOT NULL,
    given_by text NOT NULL,
    above uuid,
    given_at timestamp with time zone NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    contact text DEFAULT ''::text NOT NULL,
    phone text DEFAULT ''::text NOT NULL,
    received_at timestamp with time zone,
    first_contact_at timestamp with time zone,
    opinion text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    ended_by text DEFAULT ''::text NOT NULL,
    stop_confirmed_at timestamp with time zone,
    CONSTRAINT ticket_tasks_ended_by_check CHECK ((ended_by = ANY (ARRAY[''::text, 'replied'::text, 'returned'::text, 'recalled'::text, 'withdrawn'::text, 'merged'::text, 'given_on'::text, 'redo'::text]))),
    CONSTRAINT ticket_tasks_kind_check CHECK ((kind = ANY (ARRAY['lead'::text, 'helping'::text, 'sub'::text])))
);

CREATE TABLE public.ticket_words (
    ticket_id bigint NOT NULL,
    words tsvector NOT NULL
)
PARTITION BY RANGE (ticket_id);

CREATE TABLE public.ticket_words_default (
    ticket_id bigint CONSTRAINT ticket_words_ticket_id_not_null NOT NULL,
    words tsvector CONSTRAINT ticket_words_words_not_null NOT NULL
);

CREATE TABLE public.transcript_turns (
    recording_id bigint NOT NULL,
    number integer NOT NULL,
    track text NOT NULL,
    from_ms integer NOT NULL,
    to_ms integer NOT NULL,
    text text NOT NULL,
    confidence real NOT NULL,
    words jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT transcript_turns_check CHECK ((to_ms >= from_ms)),
    CONSTRAINT transcript_turns_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT transcript_turns_from_ms_check CHECK ((from_ms >= 0)),
    CONSTRAINT transcript_turns_number_check CHECK ((number >= 1)),
    CONSTRAINT transcript_turns_track_check CHECK ((track = ANY (ARRAY['left'::text, 'right'::text]))),
    CONSTRAINT transcript_turns_words_check CHECK ((jsonb_typeof(words) = 'array'::text))
);

CREATE TABLE public.transcript_words (
    recording_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    words tsvector NOT NULL,
    said text[] DEFAULT '{}'::text[] NOT NULL,
    terms text[] DEFAULT '{}'::text[] NOT NULL
);

CREATE TABLE public.transcripts (
    recording_id bigint NOT NULL,
    state text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    engine text DEFAULT ''::text NOT NULL,
    model text DEFAULT ''::text NOT NULL,
    text text DEFAULT ''::text NOT NULL,
    confidence real DEFAULT 0 NOT NULL,
    seconds real DEFAULT 0 NOT NULL,
    done_seconds real DEFAULT 0 NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    begun_at timestamp with time zone,
    made_at timestamp with time zone,
    words_at timestamp with time zone,
    CONSTRAINT transcripts_check CHECK (((state <> 'done'::text) OR (made_at IS NOT NULL))),
    CONSTRAINT transcripts_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT transcripts_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'done'::text, 'no_model'::text, 'failed'::text])))
);

CREATE VIEW public.unit_ticket_tasks WITH (security_barrier='true') AS
 SELECT task_id,
    ticket_id,
    unit,
    kind,
    given_at,
    note,
    contact,
    phone,
    received_at,
    first_contact_at,
    opinion,
    ended_at,
    ended_by,
    stop_confirmed_at
   FROM public.ticket_tasks k
  WHERE ((unit = ANY (( SELECT public.viewing_units() AS viewing_units)::text[])) AND (ended_by <> ALL (ARRAY['returned'::text, 'recalled'::text])) AND ((above IS NULL) OR (EXISTS ( SELECT
           FROM public.ticket_tasks a
          WHERE ((a.task_id = k.above) AND (a.ended_by <> ALL (ARRAY['returned'::text, 'recalled'::text])))))));

CREATE VIEW public.unit_tickets WITH (security_barrier='true') AS
 SELECT ticket_id,
    version,
    channel,
    state,
    profile,
    made_at,
    updated_at,
    content,
    event_time,
    event_place,
    persons,
    demand,
    nature,
    category,
    related_category,
    taxonomy_version,
    subject_terms,
    territory,
        CASE
            WHEN (hidden = '{}'::text[]) THEN special_group
            ELSE ''::text
        END AS special_group,
    service_mode,
    reply_wanted,
    hidden,
    anonymous,
    urgent,
    leader_event,
    leader_item,
    green_channel,
    service_complaint,
        CASE
            WHEN (hidden = '{}'::text[]) THEN upstream_system
            ELSE ''::text
        END AS upstream_system,
        CASE
            WHEN (hidden = '{}'::text[]) THEN upstream_no
            ELSE ''::text
        END AS upstream_no,
    regulatory_due_at,
    handling_mode,
    item_kind,
    lead_unit,
    co_units,
    dispatched_at,
    received_at,
    due_at,
    promised_at,
    replied_at,
    process_satisfaction,
    result_satisfaction,
    solved,
    reasonable,
    closing_ground,
    closed_at,
    archived_at,
        CASE
            WHEN (hidden = '{}'::text[]) THEN parent_id
            ELSE NULL::bigint
        END AS parent_id,
        CASE
            WHEN (hidden = '{}'::text[]) THEN merged_into
            ELSE NULL::bigint
        END AS merged_into,
        CASE
            WHEN (hidden = '{}'::text[]) THEN report_again_of
            ELSE NULL::bigint
        END AS report_again_of
   FROM public.tickets t
  WHERE ((EXISTS ( SELECT
           FROM public.unit_ticket_tasks k
          WHERE (k.ticket_id = t.ticket_id))) AND (NOT ((accused_unit <> ''::text) AND ((NOT (nature IS DISTINCT FROM 'report'::text)) OR misconduct) AND (accused_unit = ANY (( SELECT public.viewing_units_above() AS viewing_units_above)::text[])))));

CREATE VIEW public.unit_recordings WITH (security_barrier='true') AS
 SELECT rt.recording_id,
    rt.ticket_id
   FROM (public.recording_tickets rt
     JOIN public.unit_tickets u ON ((u.ticket_id = rt.ticket_id)))
  WHERE ((EXISTS ( SELECT
           FROM public.unit_ticket_tasks k
          WHERE ((k.ticket_id = rt.ticket_id) AND (k.ended_by = ANY (ARRAY[''::text, 'replied'::text, 'redo'::text]))))) AND (NOT (EXISTS ( SELECT
           FROM (public.recording_tickets o
             JOIN public.tickets t ON ((t.ticket_id = o.ticket_id)))
          WHERE ((o.recording_id = rt.recording_id) AND ((t.hidden <> '{}'::text[]) OR t.anonymous OR (t.accused_unit <> ''::text) OR (NOT (t.nature IS DISTINCT FROM 'report'::text)) OR t.misconduct))))));

CREATE TABLE public.unit_staff (
    unit text NOT NULL,
    name text NOT NULL,
    role text DEFAULT 'clerk'::text NOT NULL,
    deputy text DEFAULT ''::text NOT NULL,
    "position" text DEFAULT ''::text NOT NULL,
    duty text DEFAULT ''::text NOT NULL,
    number text DEFAULT ''::text NOT NULL,
    username text DEFAULT ''::text NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT unit_staff_deputy_check CHECK ((deputy = ANY (ARRAY[''::text, 'A'::text, 'B'::text]))),
    CONSTRAINT unit_staff_name_check CHECK ((name <> ''::text)),
    CONSTRAINT unit_staff_role_check CHECK ((role = ANY (ARRAY['head'::text, 'leader'::text, 'clerk'::text, 'contact'::text])))
);

CREATE VIEW public.unit_ticket_identities WITH (security_barrier='true') AS
 SELECT t.ticket_id,
        CASE
            WHEN (t.hidden && '{name}'::text[]) THEN ''::text
            ELSE i.caller_name
        END AS caller_name,
        CASE
            WHEN (t.hidden && '{name}'::text[]) THEN ''::text
            ELSE i.caller_title
        END AS caller_title,
        CASE
            WHEN (t.hidden && '{workplace}'::text[]) THEN ''::text
            ELSE i.workplace
        END AS workplace,
        CASE
            WHEN (t.hidden && '{workplace}'::text[]) THEN ''::text
            ELSE i.home_address
        END AS home_address,
        CASE
            WHEN (t.hidden && '{phone}'::text[]) THEN ''::text
            ELSE (i.caller_phone)::text
        END AS caller_phone,
        CASE
            WHEN (t.hidden && '{phone}'::text[]) THEN ''::text
            ELSE (i.callback_phone)::text
        END AS callback_phone
   FROM (public.unit_tickets t
     JOIN public.ticket_identities i ON ((i.ticket_id = t.ticket_id)))
  WHERE ((NOT (t.hidden && '{all}'::text[])) AND (EXISTS ( SELECT
           FROM public.unit_ticket_tasks k
          WHERE ((k.ticket_id = t.ticket_id) AND (k.ended_by = ANY (ARRAY[''::text, 'replied'::text, 'redo'::text]))))));

CREATE TABLE public.units (
    code text NOT NULL,
    name text NOT NULL,
    name_en text DEFAULT ''::text NOT NULL,
    parent text,
    keywords text[] DEFAULT '{}'::text[] NOT NULL,
    categories text[] DEFAULT '{}'::text[] NOT NULL,
    competence text DEFAULT ''::text NOT NULL,
    numbers jsonb NOT NULL,
    level text DEFAULT ''::text NOT NULL,
    is_territorial boolean DEFAULT false NOT NULL,
    territories text[] DEFAULT '{}'::text[] NOT NULL,
    handling_section text DEFAULT ''::text NOT NULL,
    responsible_leader text DEFAULT ''::text NOT NULL,
    unit_group text DEFAULT ''::text NOT NULL,
    active_from date,
    active_to date,
    removed_at timestamp with time zone,
    path text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT units_check CHECK ((parent <> code)),
    CONSTRAINT units_check1 CHECK ((active_to >= active_from)),
    CONSTRAINT units_code_check CHECK ((code ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$'::text)),
    CONSTRAINT units_level_check CHECK ((level = ANY (ARRAY[''::text, 'province'::text, 'city'::text, 'county'::text, 'township'::text, 'village'::text, 'section'::text]))),
    CONSTRAINT units_name_check CHECK ((name <> ''::text)),
    CONSTRAINT units_numbers_check CHECK (((jsonb_typeof(numbers) = 'array'::text) AND (jsonb_array_length(numbers) > 0)))
);

CREATE TABLE public.web_sessions (
    token_hash bytea NOT NULL,
    username text NOT NULL,
    role text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT web_sessions_check CHECK ((expires_at > made_at))
);

CREATE TABLE public.webhook_deliveries (
    delivery_id uuid DEFAULT gen_random_uuid() NOT NULL,
    place bigint NOT NULL,
    subscription_id uuid NOT NULL,
    ticket_id bigint,
    event text NOT NULL,
    body text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    taken_until timestamp with time zone,
    give_up_at timestamp with time zone,
    status smallint,
    problem text DEFAULT ''::text NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_check CHECK (((state = 'waiting'::text) = (settled_at IS NULL))),
    CONSTRAINT webhook_deliveries_check1 CHECK (((state = 'waiting'::text) OR (taken_until IS NULL))),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text])))
);

ALTER TABLE public.webhook_deliveries ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.webhook_deliveries_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.webhook_subscriptions (
    subscription_id uuid NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    events text[] DEFAULT '{}'::text[] NOT NULL,
    secret text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhook_subscriptions_name_check CHECK ((name <> ''::text)),
    CONSTRAINT webhook_subscriptions_state_check CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'ended'::text])))
);

ALTER TABLE ONLY public.agent_turns ATTACH PARTITION public.agent_turns_default DEFAULT;

ALTER TABLE ONLY public.requests ATTACH PARTITION public.requests_default DEFAULT;

ALTER TABLE ONLY public.ticket_words ATTACH PARTITION public.ticket_words_default DEFAULT;

ALTER TABLE ONLY public.pgqueuer ALTER COLUMN id SET DEFAULT nextval('public.pgqueuer_id_seq'::regclass);

ALTER TABLE ONLY public.pgqueuer_schedules ALTER COLUMN id SET DEFAULT nextval('public.pgqueuer_schedules_id_seq'::regclass);

ALTER TABLE ONLY public.pgqueuer_statistics ALTER COLUMN id SET DEFAULT nextval('public.pgqueuer_statistics_id_seq'::regclass);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (username);

ALTER TABLE ONLY public.acd_positions
    ADD CONSTRAINT acd_positions_pkey PRIMARY KEY (reader, node);

ALTER TABLE ONLY public.acd_steps
    ADD CONSTRAINT acd_steps_pkey PRIMARY KEY (node, uniqueid, number);

ALTER TABLE ONLY public.agent_events
    ADD CONSTRAINT agent_events_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.agent_sessions
    ADD CONSTRAINT agent_sessions_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY public.agent_states
    ADD CONSTRAINT agent_states_pkey PRIMARY KEY (node, agent);

ALTER TABLE ONLY public.agent_turns
    ADD CONSTRAINT agent_turns_pkey PRIMARY KEY (rang_at, node, call_id, number);

ALTER TABLE ONLY public.agent_turns_default
    ADD CONSTRAINT agent_turns_default_pkey PRIMARY KEY (rang_at, node, call_id, number);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (agent);

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT alarms_pkey PRIMARY KEY (alarm_id);

ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT announcements_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT announcements_pkey PRIMARY KEY (announcement_id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.audit_unsealed
    ADD CONSTRAINT audit_unsealed_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.bridge_positions
    ADD CONSTRAINT bridge_positions_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.bridge_status
    ADD CONSTRAINT bridge_status_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.calendar_versions
    ADD CONSTRAINT calendar_versions_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.call_dispositions
    ADD CONSTRAINT call_dispositions_pkey PRIMARY KEY (disposition_id);

ALTER TABLE ONLY public.call_rollups
    ADD CONSTRAINT call_rollups_pkey PRIMARY KEY (level, start, node);

ALTER TABLE ONLY public.call_routes
    ADD CONSTRAINT call_routes_pkey PRIMARY KEY (route_id);

ALTER TABLE ONLY public.callback_entries
    ADD CONSTRAINT callback_entries_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.callback_requests
    ADD CONSTRAINT callback_requests_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY public.caller_blocks
    ADD CONSTRAINT caller_blocks_pkey PRIMARY KEY (block_id);

ALTER TABLE ONLY public.caller_groups
    ADD CONSTRAINT caller_groups_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.caller_merges
    ADD CONSTRAINT caller_merges_pkey PRIMARY KEY (merge_id);

ALTER TABLE ONLY public.caller_numbers
    ADD CONSTRAINT caller_numbers_pkey PRIMARY KEY (number, caller_id);

ALTER TABLE ONLY public.callers
    ADD CONSTRAINT callers_pkey PRIMARY KEY (caller_id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (node, call_id);

ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (command_id);

ALTER TABLE ONLY public.control_calls
    ADD CONSTRAINT control_calls_pkey PRIMARY KEY (node, citizen);

ALTER TABLE ONLY public.cutoff_suspensions
    ADD CONSTRAINT cutoff_suspensions_pkey PRIMARY KEY (suspension_id);

ALTER TABLE ONLY public.directory_versions
    ADD CONSTRAINT directory_versions_pkey PRIMARY KEY (part);

ALTER TABLE ONLY public.dirty_quarters
    ADD CONSTRAINT dirty_quarters_pkey PRIMARY KEY (quarter, node);

ALTER TABLE ONLY public.dispatch_rules
    ADD CONSTRAINT dispatch_rules_pkey PRIMARY KEY (rule_id);

ALTER TABLE ONLY public.dispatch_suggestions
    ADD CONSTRAINT dispatch_suggestions_pkey PRIMARY KEY (ticket_id, at);

ALTER TABLE ONLY public.escalations
    ADD CONSTRAINT escalations_pkey PRIMARY KEY (ticket_id, kind, round, extension, step);

ALTER TABLE ONLY public.exclusions
    ADD CONSTRAINT exclusions_pkey PRIMARY KEY (exclusion_id);

ALTER TABLE ONLY public.fax_jobs
    ADD CONSTRAINT fax_jobs_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY public.gaps
    ADD CONSTRAINT gaps_pkey PRIMARY KEY (gap_id);

ALTER TABLE ONLY public.hot_words
    ADD CONSTRAINT hot_words_pkey PRIMARY KEY (day, word);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key);

ALTER TABLE ONLY public.knowledge_entries
    ADD CONSTRAINT knowledge_entries_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.knowledge_misses
    ADD CONSTRAINT knowledge_misses_pkey PRIMARY KEY (text);

ALTER TABLE ONLY public.knowledge_reports
    ADD CONSTRAINT knowledge_reports_pkey PRIMARY KEY (report_id);

ALTER TABLE ONLY public.knowledge_usage
    ADD CONSTRAINT knowledge_usage_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.knowledge_versions
    ADD CONSTRAINT knowledge_versions_pkey PRIMARY KEY (entry_id, version);

ALTER TABLE ONLY public.legal_holds
    ADD CONSTRAINT legal_holds_pkey PRIMARY KEY (hold_id);

ALTER TABLE ONLY public.malicious_marks
    ADD CONSTRAINT malicious_marks_node_call_id_key UNIQUE (node, call_id);

ALTER TABLE ONLY public.malicious_marks
    ADD CONSTRAINT malicious_marks_pkey PRIMARY KEY (mark_id);

ALTER TABLE ONLY public.message_intake
    ADD CONSTRAINT message_intake_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_node_call_id_recording_id_key UNIQUE (node, call_id, recording_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY public.mystery_calls
    ADD CONSTRAINT mystery_calls_pkey PRIMARY KEY (mystery_id);

ALTER TABLE ONLY public.other_hotlines
    ADD CONSTRAINT other_hotlines_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.other_hotlines
    ADD CONSTRAINT other_hotlines_position_key UNIQUE ("position") DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.outbound_calls
    ADD CONSTRAINT outbound_calls_pkey PRIMARY KEY (outbound_id);

ALTER TABLE ONLY public.overdue_callers
    ADD CONSTRAINT overdue_callers_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.pgqueuer_log
    ADD CONSTRAINT pgqueuer_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pgqueuer
    ADD CONSTRAINT pgqueuer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_expression_entrypoint_key UNIQUE (expression, entrypoint);

ALTER TABLE ONLY public.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pgqueuer_statistics
    ADD CONSTRAINT pgqueuer_statistics_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.places
    ADD CONSTRAINT places_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.profile_versions
    ADD CONSTRAINT profile_versions_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.quality_appeals
    ADD CONSTRAINT quality_appeals_pkey PRIMARY KEY (appeal_id);

ALTER TABLE ONLY public.quality_appeals
    ADD CONSTRAINT quality_appeals_score_id_key UNIQUE (score_id);

ALTER TABLE ONLY public.quality_calibrations
    ADD CONSTRAINT quality_calibrations_pkey PRIMARY KEY (calibration_id);

ALTER TABLE ONLY public.quality_checks
    ADD CONSTRAINT quality_checks_pkey PRIMARY KEY (recording_id);

ALTER TABLE ONLY public.quality_draws
    ADD CONSTRAINT quality_draws_pkey PRIMARY KEY (plan_id, week);

ALTER TABLE ONLY public.quality_errors
    ADD CONSTRAINT quality_errors_pkey PRIMARY KEY (error_id);

ALTER TABLE ONLY public.quality_findings
    ADD CONSTRAINT quality_findings_pkey PRIMARY KEY (finding_id);

ALTER TABLE ONLY public.quality_flags
    ADD CONSTRAINT quality_flags_node_call_id_number_kind_key UNIQUE (node, call_id, number, kind);

ALTER TABLE ONLY public.quality_flags
    ADD CONSTRAINT quality_flags_pkey PRIMARY KEY (flag_id);

ALTER TABLE ONLY public.quality_plans
    ADD CONSTRAINT quality_plans_pkey PRIMARY KEY (plan_id);

ALTER TABLE ONLY public.quality_reply_checks
    ADD CONSTRAINT quality_reply_checks_pkey PRIMARY KEY (reply_id);

ALTER TABLE ONLY public.quality_rules
    ADD CONSTRAINT quality_rules_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.quality_samples
    ADD CONSTRAINT quality_samples_pkey PRIMARY KEY (sample_id);

ALTER TABLE ONLY public.quality_samples
    ADD CONSTRAINT quality_samples_plan_id_recording_id_key UNIQUE (plan_id, recording_id);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_calibration_id_scorer_key UNIQUE (calibration_id, scorer);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_pkey PRIMARY KEY (score_id);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_sample_id_key UNIQUE (sample_id);

ALTER TABLE ONLY public.quality_sheets
    ADD CONSTRAINT quality_sheets_pkey PRIMARY KEY (sheet, version);

ALTER TABLE ONLY public.quality_suggestions
    ADD CONSTRAINT quality_suggestions_pkey PRIMARY KEY (suggestion_id);

ALTER TABLE ONLY public.queue_listings
    ADD CONSTRAINT queue_listings_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.queue_members
    ADD CONSTRAINT queue_members_pkey PRIMARY KEY (node, queue, interface);

ALTER TABLE ONLY public.recording_masks
    ADD CONSTRAINT recording_masks_pkey PRIMARY KEY (mask_id);

ALTER TABLE ONLY public.recording_pauses
    ADD CONSTRAINT recording_pauses_pkey PRIMARY KEY (pause_id);

ALTER TABLE ONLY public.recording_plays
    ADD CONSTRAINT recording_plays_pkey PRIMARY KEY (play_id);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_node_file_key UNIQUE (node, file);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_pkey PRIMARY KEY (recording_id);

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (requested_at, node, call_id, number);

ALTER TABLE ONLY public.requests_default
    ADD CONSTRAINT requests_default_pkey PRIMARY KEY (requested_at, node, call_id, number);

ALTER TABLE ONLY public.retaliation_reports
    ADD CONSTRAINT retaliation_reports_pkey PRIMARY KEY (report_id);

ALTER TABLE ONLY public.rollups
    ADD CONSTRAINT rollups_pkey PRIMARY KEY (level, start, node, queue, skill, kind, excluded);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.shift_plan
    ADD CONSTRAINT shift_plan_pkey PRIMARY KEY (agent, begins);

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_parent_position_key UNIQUE NULLS NOT DISTINCT (parent, "position") DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.staff_complaints
    ADD CONSTRAINT staff_complaints_pkey PRIMARY KEY (complaint_id);

ALTER TABLE ONLY public.subject_terms
    ADD CONSTRAINT subject_terms_pkey PRIMARY KEY (term);

ALTER TABLE ONLY public.supervision_events
    ADD CONSTRAINT supervision_events_pkey PRIMARY KEY (supervision_id, at, mode, call_id);

ALTER TABLE ONLY public.supervisions
    ADD CONSTRAINT supervisions_pkey PRIMARY KEY (supervision_id);

ALTER TABLE ONLY public.surge_contacts
    ADD CONSTRAINT surge_contacts_pkey PRIMARY KEY (surge_id, contact);

ALTER TABLE ONLY public.surges
    ADD CONSTRAINT surges_pkey PRIMARY KEY (surge_id);

ALTER TABLE ONLY public.survey_ratings
    ADD CONSTRAINT survey_ratings_pkey PRIMARY KEY (rating_id);

ALTER TABLE ONLY public.taxonomy_items
    ADD CONSTRAINT taxonomy_items_pkey PRIMARY KEY (version, code);

ALTER TABLE ONLY public.taxonomy_versions
    ADD CONSTRAINT taxonomy_versions_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.threeways
    ADD CONSTRAINT threeways_pkey PRIMARY KEY (threeway_id);

ALTER TABLE ONLY public.ticket_answers
    ADD CONSTRAINT ticket_answers_pkey PRIMARY KEY (ticket_no);

ALTER TABLE ONLY public.ticket_attachments
    ADD CONSTRAINT ticket_attachments_pkey PRIMARY KEY (attachment_id);

ALTER TABLE ONLY public.ticket_callbacks
    ADD CONSTRAINT ticket_callbacks_pkey PRIMARY KEY (callback_id);

ALTER TABLE ONLY public.ticket_clocks
    ADD CONSTRAINT ticket_clocks_pkey PRIMARY KEY (ticket_id, kind, round);

ALTER TABLE ONLY public.ticket_contacts
    ADD CONSTRAINT ticket_contacts_pkey PRIMARY KEY (contact_id);

ALTER TABLE ONLY public.ticket_days
    ADD CONSTRAINT ticket_days_pkey PRIMARY KEY (day);

ALTER TABLE ONLY public.ticket_drafts
    ADD CONSTRAINT ticket_drafts_node_call_id_threeway_id_key UNIQUE (node, call_id, threeway_id);

ALTER TABLE ONLY public.ticket_drafts
    ADD CONSTRAINT ticket_drafts_pkey PRIMARY KEY (draft_id);

ALTER TABLE ONLY public.ticket_events
    ADD CONSTRAINT ticket_events_pkey PRIMARY KEY (ticket_id, seq);

ALTER TABLE ONLY public.ticket_identities
    ADD CONSTRAINT ticket_identities_pkey PRIMARY KEY (ticket_id);

ALTER TABLE ONLY public.ticket_papers
    ADD CONSTRAINT ticket_papers_pkey PRIMARY KEY (paper_id);

ALTER TABLE ONLY public.ticket_query_failures
    ADD CONSTRAINT ticket_query_failures_pkey PRIMARY KEY (failure_id);

ALTER TABLE ONLY public.ticket_replies
    ADD CONSTRAINT ticket_replies_pkey PRIMARY KEY (reply_id);

ALTER TABLE ONLY public.ticket_requests
    ADD CONSTRAINT ticket_requests_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY public.ticket_supervisions
    ADD CONSTRAINT ticket_supervisions_pkey PRIMARY KEY (supervision_id);

ALTER TABLE ONLY public.ticket_tasks
    ADD CONSTRAINT ticket_tasks_pkey PRIMARY KEY (task_id);

ALTER TABLE ONLY public.ticket_words
    ADD CONSTRAINT ticket_words_pkey PRIMARY KEY (ticket_id);

ALTER TABLE ONLY public.ticket_words_default
    ADD CONSTRAINT ticket_words_default_pkey PRIMARY KEY (ticket_id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (ticket_id);

ALTER TABLE ONLY public.transcript_turns
    ADD CONSTRAINT transcript_turns_pkey PRIMARY KEY (recording_id, number);

ALTER TABLE ONLY public.transcript_words
    ADD CONSTRAINT transcript_words_pkey PRIMARY KEY (recording_id);

ALTER TABLE ONLY public.transcripts
    ADD CONSTRAINT transcripts_pkey PRIMARY KEY (recording_id);

ALTER TABLE ONLY public.unit_staff
    ADD CONSTRAINT unit_staff_pkey PRIMARY KEY (unit, name);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.web_sessions
    ADD CONSTRAINT web_sessions_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (delivery_id);

ALTER TABLE ONLY public.webhook_subscriptions
    ADD CONSTRAINT webhook_subscriptions_pkey PRIMARY KEY (subscription_id);

CREATE UNIQUE INDEX accounts_by_agent ON public.accounts USING btree (agent) WHERE ((agent <> ''::text) AND (disabled_at IS NULL));

CREATE INDEX acd_steps_by_call ON public.acd_steps USING btree (node, call_id);

CREATE INDEX acd_steps_by_version ON public.acd_steps USING btree (node, version);

CREATE INDEX acd_steps_recorders ON public.acd_steps USING btree (node, detail) WHERE (step = 'record:on'::text);

CREATE INDEX agent_events_by_agent ON public.agent_events USING btree (agent, at);

CREATE INDEX agent_sessions_by_agent ON public.agent_sessions USING btree (agent, since);

CREATE UNIQUE INDEX agent_sessions_open ON public.agent_sessions USING btree (agent) WHERE (until IS NULL);

CREATE UNIQUE INDEX agent_sessions_seats ON public.agent_sessions USING btree (seat) WHERE (until IS NULL);

CREATE INDEX agent_turns_by_agent ON ONLY public.agent_turns USING btree (agent, rang_at);

CREATE INDEX agent_turns_by_call ON ONLY public.agent_turns USING btree (node, call_id);

CREATE INDEX agent_turns_by_version ON ONLY public.agent_turns USING btree (node, version);

CREATE INDEX agent_turns_default_agent_rang_at_idx ON public.agent_turns_default USING btree (agent, rang_at);

CREATE INDEX agent_turns_default_node_call_id_idx ON public.agent_turns_default USING btree (node, call_id);

CREATE INDEX agent_turns_default_node_version_idx ON public.agent_turns_default USING btree (node, version);

CREATE INDEX alarms_by_time ON public.alarms USING btree (raised_at);

CREATE UNIQUE INDEX alarms_open ON public.alarms USING btree (kind, subject) WHERE (cleared_at IS NULL);

CREATE INDEX announcements_by_end ON public.announcements USING btree (ends_at);

CREATE INDEX audit_log_by_action ON public.audit_log USING btree (action, entry_id);

CREATE INDEX audit_log_by_actor ON public.audit_log USING btree (actor, entry_id);

CREATE INDEX audit_log_by_subject ON public.audit_log USING btree (subject, at);

CREATE INDEX audit_log_by_time ON public.audit_log USING btree (at);

CREATE INDEX call_dispositions_by_call ON public.call_dispositions USING btree (node, call_id);

CREATE INDEX call_routes_by_call ON public.call_routes USING btree (node, call_id);

CREATE INDEX callback_entries_by_outbound ON public.callback_entries USING btree (outbound_id) WHERE (outbound_id IS NOT NULL);

CREATE INDEX callback_entries_by_wait ON public.callback_entries USING btree (node, waiting_since) WHERE (settled_at IS NULL);

CREATE UNIQUE INDEX callback_entries_of_agent ON public.callback_entries USING btree (agent) WHERE (state = ANY (ARRAY['claimed'::text, 'calling'::text]));

CREATE UNIQUE INDEX callback_entries_open ON public.callback_entries USING btree (number) WHERE (settled_at IS NULL);

CREATE INDEX callback_requests_by_entry ON public.callback_requests USING btree (entry_id);

CREATE INDEX callback_requests_new ON public.callback_requests USING btree (node, waiting_since) WHERE (entry_id IS NULL);

CREATE INDEX caller_blocks_by_number ON public.caller_blocks USING btree (number, until_at);

CREATE UNIQUE INDEX caller_merges_open ON public.caller_merges USING btree (gone) WHERE (undone_at IS NULL);

CREATE INDEX caller_numbers_by_caller ON public.caller_numbers USING btree (caller_id);

CREATE INDEX callers_by_name ON public.callers USING btree (name) WHERE (name <> ''::text);

CREATE INDEX callers_merged ON public.callers USING btree (merged_into) WHERE (merged_into IS NOT NULL);

CREATE INDEX calls_by_caller ON public.calls USING btree (caller_number, started_at) WHERE (caller_number <> ''::text);

CREATE INDEX calls_by_queueing ON public.calls USING btree (queued_at) WHERE (queued_at IS NOT NULL);

CREATE INDEX calls_by_start ON public.calls USING btree (started_at);

CREATE INDEX calls_by_version ON public.calls USING btree (node, version);

CREATE INDEX calls_open ON public.calls USING btree (node) WHERE (ended_at IS NULL);

CREATE INDEX clock_log_by_ticket ON public.clock_log USING btree (ticket_id, at);

CREATE INDEX commands_by_time ON public.commands USING btree (asked_at);

CREATE INDEX commands_open ON public.commands USING btree (node, asked_at) WHERE (settled_at IS NULL);

CREATE INDEX control_calls_by_agent ON public.control_calls USING btree (node, agent, changed_at) WHERE (agent <> ''::text);

CREATE UNIQUE INDEX control_calls_slots ON public.control_calls USING btree (node, slot) WHERE (place = 'parked'::text);

CREATE INDEX cutoff_suspensions_by_time ON public.cutoff_suspensions USING btree (ends);

CREATE INDEX dispatch_rules_open ON public.dispatch_rules USING btree (category) WHERE (ended_at IS NULL);

CREATE INDEX dispatch_suggestions_by_time ON public.dispatch_suggestions USING btree (at);

CREATE INDEX escalations_by_time ON public.escalations USING btree (fired_at);

CREATE INDEX exclusions_by_time ON public.exclusions USING btree (from_at);

CREATE INDEX fax_jobs_open ON public.fax_jobs USING btree (node, asked_at) WHERE (finished_at IS NULL);

CREATE INDEX gaps_by_time ON public.gaps USING btree (node, to_at);

CREATE INDEX idempotency_keys_by_time ON public.idempotency_keys USING btree (made_at);

CREATE INDEX knowledge_entries_announced ON public.knowledge_entries USING btree (valid_to) WHERE ((state = 'released'::text) AND (kind = 'announcement'::text));

CREATE INDEX knowledge_entries_by_category ON public.knowledge_entries USING btree (category) WHERE (state = 'released'::text);

CREATE UNIQUE INDEX knowledge_entries_by_code ON public.knowledge_entries USING btree (code) WHERE ((code <> ''::text) AND (state = 'released'::text));

CREATE INDEX knowledge_entries_by_heading ON public.knowledge_entries USING gin (heading_words) WITH (fastupdate=off) WHERE (state = 'released'::text);

CREATE INDEX knowledge_entries_by_owner ON public.knowledge_entries USING btree (owner_unit, changed_at);

CREATE INDEX knowledge_entries_by_review ON public.knowledge_entries USING btree (LEAST(review_on, ((valid_to AT TIME ZONE 'Asia/Shanghai'::text))::date)) WHERE (state = 'released'::text);

CREATE INDEX knowledge_entries_by_word ON public.knowledge_entries USING gin (words) WITH (fastupdate=off) WHERE (state = 'released'::text);

CREATE INDEX knowledge_events_by_entry ON public.knowledge_events USING btree (entry_id, at);

CREATE INDEX knowledge_misses_open ON public.knowledge_misses USING btree (missed DESC) WHERE (settled_at IS NULL);

CREATE INDEX knowledge_reports_open ON public.knowledge_reports USING btree (entry_id) WHERE (settled_at IS NULL);

CREATE INDEX legal_holds_by_call ON public.legal_holds USING btree (node, call_id) WHERE ((lifted_at IS NULL) AND (call_id <> ''::text));

CREATE INDEX legal_holds_by_recording ON public.legal_holds USING btree (recording_id) WHERE ((lifted_at IS NULL) AND (recording_id IS NOT NULL));

CREATE INDEX legal_holds_by_ticket ON public.legal_holds USING btree (ticket_id) WHERE ((lifted_at IS NULL) AND (ticket_id IS NOT NULL));

CREATE INDEX legal_holds_by_time ON public.legal_holds USING btree (set_at);

CREATE INDEX malicious_marks_by_number ON public.malicious_marks USING btree (number, marked_at);

CREATE INDEX message_intake_by_ticket ON public.message_intake USING btree (ticket_id) WHERE (ticket_id IS NOT NULL);

CREATE INDEX message_intake_ended ON public.message_intake USING btree (state, ended_at DESC) WHERE (state = ANY (ARRAY['set_aside'::text, 'done'::text]));

CREATE INDEX message_intake_unheard ON public.message_intake USING btree (recording_id) WHERE ((heard_at IS NULL) AND (state = ANY (ARRAY['refused'::text, 'open'::text])));

CREATE INDEX message_intake_waiting ON public.message_intake USING btree (is_urgent DESC, due_at) WHERE (state = ANY (ARRAY['refused'::text, 'open'::text]));

CREATE INDEX messages_by_number ON public.messages USING btree (caller_number, left_at);

CREATE INDEX mystery_calls_by_time ON public.mystery_calls USING btree (at DESC);

CREATE INDEX outbound_calls_by_call ON public.outbound_calls USING btree (node, call_id);

CREATE INDEX outbound_calls_by_ticket ON public.outbound_calls USING btree (ticket, ordered_at) WHERE (ticket <> ''::text);

CREATE UNIQUE INDEX outbound_calls_open ON public.outbound_calls USING btree (number) WHERE (ended_at IS NULL);

CREATE INDEX pgqueuer_ep_ea_idx ON public.pgqueuer USING btree (entrypoint, execute_after) WHERE (status = 'queued'::public.pgqueuer_status);

CREATE INDEX pgqueuer_ep_prio_id_idx ON public.pgqueuer USING btree (entrypoint, priority DESC, id) WHERE (status = 'queued'::public.pgqueuer_status);

CREATE INDEX pgqueuer_log_created ON public.pgqueuer_log USING btree (created);

CREATE INDEX pgqueuer_log_job_id_status ON public.pgqueuer_log USING btree (job_id, created DESC);

CREATE INDEX pgqueuer_log_not_aggregated ON public.pgqueuer_log USING btree ((1)) WHERE (NOT aggregated);

CREATE INDEX pgqueuer_log_status ON public.pgqueuer_log USING btree (status);

CREATE INDEX pgqueuer_picked_heartbeat_idx ON public.pgqueuer USING btree (heartbeat) WHERE (status = 'picked'::public.pgqueuer_status);

CREATE UNIQUE INDEX pgqueuer_picked_slot_idx ON public.pgqueuer USING btree (entrypoint, slot) WHERE ((status = 'picked'::public.pgqueuer_status) AND (slot IS NOT NULL));

CREATE INDEX pgqueuer_priority_id_id1_idx ON public.pgqueuer USING btree (priority, id DESC) INCLUDE (id) WHERE (status = 'queued'::public.pgqueuer_status);

CREATE INDEX pgqueuer_queue_manager_id_idx ON public.pgqueuer USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);

CREATE UNIQUE INDEX pgqueuer_statistics_unique_count ON public.pgqueuer_statistics USING btree (priority, date_trunc('sec'::text, timezone('UTC'::text, created)), status, entrypoint);

CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON public.pgqueuer USING btree (dedupe_key) WHERE ((status = ANY (ARRAY['queued'::public.pgqueuer_status, 'picked'::public.pgqueuer_status])) AND (dedupe_key IS NOT NULL));

CREATE INDEX pgqueuer_updated_id_id1_idx ON public.pgqueuer USING btree (updated, id DESC) INCLUDE (id) WHERE (status = 'picked'::public.pgqueuer_status);

CREATE INDEX places_by_name ON public.places USING btree (name text_pattern_ops);

CREATE INDEX places_by_territory ON public.places USING btree (territory text_pattern_ops);

CREATE INDEX profile_versions_by_digest ON public.profile_versions USING btree (digest, version);

CREATE INDEX quality_appeals_by_agent ON public.quality_appeals USING btree (agent, made_at DESC);

CREATE INDEX quality_appeals_open ON public.quality_appeals USING btree (made_at) WHERE (state = 'open'::text);

CREATE INDEX quality_checks_by_agent ON public.quality_checks USING btree (agent, started_at);

CREATE INDEX quality_checks_by_call ON public.quality_checks USING btree (node, call_id);

CREATE INDEX quality_checks_by_time ON public.quality_checks USING btree (started_at);

CREATE INDEX quality_checks_wanted ON public.quality_checks USING btree (recording_id) WHERE is_wanted;

CREATE INDEX quality_errors_by_agent ON public.quality_errors USING btree (agent, at DESC);

CREATE INDEX quality_errors_by_time ON public.quality_errors USING btree (at DESC);

CREATE INDEX quality_findings_by_agent ON public.quality_findings USING btree (agent, at DESC) WHERE (superseded_at IS NULL);

CREATE INDEX quality_findings_by_code ON public.quality_findings USING btree (code, at DESC) WHERE (superseded_at IS NULL);

CREATE INDEX quality_findings_by_time ON public.quality_findings USING btree (at DESC) WHERE (superseded_at IS NULL);

CREATE UNIQUE INDEX quality_findings_once ON public.quality_findings USING btree (recording_id, code, agent, from_ms) WHERE (superseded_at IS NULL);

CREATE INDEX quality_flags_by_agent ON public.quality_flags USING btree (agent, at);

CREATE INDEX quality_flags_by_time ON public.quality_flags USING btree (at);

CREATE INDEX quality_scores_by_agent ON public.quality_scores USING btree (agent, submitted_at DESC) WHERE (state = 'submitted'::text);

CREATE UNIQUE INDEX quality_scores_once ON public.quality_scores USING btree (recording_id, sheet, scorer) WHERE (calibration_id IS NULL);

CREATE INDEX quality_suggestions_by_person ON public.quality_suggestions USING btree (by, made_at DESC);

CREATE INDEX quality_suggestions_by_time ON public.quality_suggestions USING btree (made_at DESC);

CREATE INDEX recording_masks_by_recording ON public.recording_masks USING btree (recording_id, from_ms);

CREATE INDEX recording_pauses_by_call ON public.recording_pauses USING btree (node, call_id);

CREATE UNIQUE INDEX recording_pauses_open ON public.recording_pauses USING btree (node, call_id) WHERE (resumed_at IS NULL);

CREATE INDEX recording_plays_by_listener ON public.recording_plays USING btree (listener, play_id);

CREATE INDEX recording_plays_by_recording ON public.recording_plays USING btree (recording_id, play_id);

CREATE INDEX recordings_by_call ON public.recordings USING btree (node, call_id);

CREATE INDEX recordings_by_key ON public.recordings USING btree (key_id) WHERE (state = 'stored'::text);

CREATE INDEX recordings_by_object ON public.recordings USING btree (object) WHERE (object <> ''::text);

CREATE INDEX recordings_by_sealing ON public.recordings USING btree (sealed_at) WHERE ((state = 'stored'::text) AND (kind = 'conversation'::text));

CREATE INDEX recordings_by_time ON public.recordings USING btree (started_at);

CREATE INDEX recordings_by_voice ON public.recordings USING gin (voices jsonb_path_ops);

CREATE INDEX recordings_newest ON public.recordings USING btree (COALESCE(started_at, stored_at), recording_id);

CREATE INDEX recordings_of_call ON public.recordings USING btree (call_id);

CREATE INDEX recordings_to_delete ON public.recordings USING btree (recording_id) WHERE ((state = 'deleted'::text) AND (object <> ''::text));

CREATE INDEX recordings_to_do ON public.recordings USING btree (node, recording_id) WHERE (state = 'taken_in'::text);

CREATE INDEX requests_by_call ON ONLY public.requests USING btree (node, call_id);

CREATE INDEX requests_by_caller ON ONLY public.requests USING btree (caller, requested_at);

CREATE INDEX requests_by_version ON ONLY public.requests USING btree (node, version);

CREATE INDEX requests_default_caller_requested_at_idx ON public.requests_default USING btree (caller, requested_at);

CREATE INDEX requests_default_node_call_id_idx ON public.requests_default USING btree (node, call_id);

CREATE INDEX requests_waiting ON ONLY public.requests USING btree (node, queue) WHERE (outcome = 'waiting'::text);

CREATE INDEX requests_default_node_queue_idx ON public.requests_default USING btree (node, queue) WHERE (outcome = 'waiting'::text);

CREATE INDEX requests_default_node_version_idx ON public.requests_default USING btree (node, version);

CREATE INDEX retaliation_reports_by_ticket ON public.retaliation_reports USING btree (ticket_id, at);

CREATE INDEX retaliation_reports_open ON public.retaliation_reports USING btree (at) WHERE (closed_at IS NULL);

CREATE INDEX shift_plan_by_time ON public.shift_plan USING btree (ends);

CREATE INDEX staff_complaints_by_agent ON public.staff_complaints USING btree (agent, at DESC);

CREATE INDEX staff_complaints_by_time ON public.staff_complaints USING btree (at DESC);

CREATE UNIQUE INDEX supervisions_by_channel ON public.supervisions USING btree (node, channel);

CREATE INDEX supervisions_by_time ON public.supervisions USING btree (asked_at);

CREATE UNIQUE INDEX supervisions_open ON public.supervisions USING btree (node, seat) WHERE (ended_at IS NULL);

CREATE INDEX surges_by_time ON public.surges USING btree (raised_at);

CREATE UNIQUE INDEX surges_open ON public.surges USING btree (topic, place) WHERE (ended_at IS NULL);

CREATE INDEX survey_ratings_by_call ON public.survey_ratings USING btree (node, call_id);

CREATE INDEX survey_ratings_by_time ON public.survey_ratings USING btree (rated_at);

CREATE INDEX taxonomy_versions_by_day ON public.taxonomy_versions USING btree (valid_from, version);

CREATE INDEX threeways_by_agent ON public.threeways USING btree (agent, begun_at);

CREATE INDEX threeways_by_call ON public.threeways USING btree (node, call_id);

CREATE UNIQUE INDEX threeways_open ON public.threeways USING btree (node, call_id) WHERE (ended_at IS NULL);

CREATE INDEX ticket_attachments_by_ticket ON public.ticket_attachments USING btree (ticket_id, at);

CREATE INDEX ticket_callbacks_by_call ON public.ticket_callbacks USING btree (node, call_id) WHERE (call_id <> ''::text);

CREATE INDEX ticket_callbacks_by_ticket ON public.ticket_callbacks USING btree (ticket_id, at);

CREATE INDEX ticket_clocks_dispatched ON public.ticket_clocks USING btree (started_at) WHERE (kind = 'dispatch'::text);

CREATE INDEX ticket_clocks_of_unit ON public.ticket_clocks USING btree (unit, due_at) WHERE ((stopped_at IS NULL) AND (unit <> ''::text));

CREATE INDEX ticket_clocks_running ON public.ticket_clocks USING btree (due_at, ticket_id) WHERE (stopped_at IS NULL);

CREATE INDEX ticket_clocks_to_fire ON public.ticket_clocks USING btree (next_fire_at) WHERE (next_fire_at IS NOT NULL);

CREATE INDEX ticket_contacts_by_call ON public.ticket_contacts USING btree (node, call_id) WHERE (call_id <> ''::text);

CREATE INDEX ticket_contacts_by_number ON public.ticket_contacts USING btree (number, at) WHERE ((number)::text <> ''::text);

CREATE INDEX ticket_contacts_by_ticket ON public.ticket_contacts USING btree (ticket_id, at);

CREATE UNIQUE INDEX ticket_contacts_once ON public.ticket_contacts USING btree (source) WHERE (source <> ''::text);

CREATE INDEX ticket_drafts_by_maker ON public.ticket_drafts USING btree (made_by, made_at);

CREATE INDEX ticket_drafts_open ON public.ticket_drafts USING btree (made_at) WHERE (taken_at IS NULL);

CREATE INDEX ticket_identities_by_callback ON public.ticket_identities USING btree (callback_phone, ticket_id) WHERE ((callback_phone)::text <> ''::text);

CREATE INDEX ticket_identities_by_caller ON public.ticket_identities USING btree (caller_id, ticket_id) WHERE (caller_id IS NOT NULL);

CREATE INDEX ticket_identities_by_name ON public.ticket_identities USING btree (caller_name, ticket_id) WHERE (caller_name <> ''::text);

CREATE INDEX ticket_identities_by_number ON public.ticket_identities USING btree (calling_number, ticket_id) WHERE ((calling_number)::text <> ''::text);

CREATE INDEX ticket_identities_by_phone ON public.ticket_identities USING btree (caller_phone, ticket_id) WHERE ((caller_phone)::text <> ''::text);

CREATE INDEX ticket_papers_by_kind ON public.ticket_papers USING btree (kind, at);

CREATE INDEX ticket_papers_by_ticket ON public.ticket_papers USING btree (ticket_id, at);

CREATE INDEX ticket_query_failures_by_number ON public.ticket_query_failures USING btree (caller_number, failed_at);

CREATE INDEX ticket_query_failures_by_ticket ON public.ticket_query_failures USING btree (ticket_no, failed_at);

CREATE INDEX ticket_replies_by_ticket ON public.ticket_replies USING btree (ticket_id, at);

CREATE INDEX ticket_requests_by_ticket ON public.ticket_requests USING btree (ticket_id, asked_at);

CREATE INDEX ticket_requests_by_unit ON public.ticket_requests USING btree (unit, kind, asked_at);

CREATE UNIQUE INDEX ticket_requests_open ON public.ticket_requests USING btree (ticket_id) WHERE (decided_at IS NULL);

CREATE INDEX ticket_supervisions_by_ticket ON public.ticket_supervisions USING btree (ticket_id, at);

CREATE INDEX ticket_supervisions_open ON public.ticket_supervisions USING btree (addressee, at) WHERE ((ended_at IS NULL) AND (kind <> 'plan'::text));

CREATE INDEX ticket_tasks_by_ticket ON public.ticket_tasks USING btree (ticket_id, given_at);

CREATE INDEX ticket_tasks_by_unit ON public.ticket_tasks USING btree (unit, given_at);

CREATE INDEX ticket_tasks_open ON public.ticket_tasks USING btree (unit, ticket_id) WHERE (ended_at IS NULL);

CREATE INDEX ticket_words_by_word ON ONLY public.ticket_words USING gin (words) WITH (fastupdate=off);

CREATE INDEX ticket_words_default_words_idx ON public.ticket_words_default USING gin (words) WITH (fastupdate=off);

CREATE INDEX tickets_by_agent ON public.tickets USING btree (accept_agent, ticket_id);

CREATE INDEX tickets_by_call ON public.tickets USING btree (node, call_id) WHERE (call_id <> ''::text);

CREATE INDEX tickets_by_category ON public.tickets USING btree (category, ticket_id);

CREATE INDEX tickets_by_merge ON public.tickets USING btree (merged_into) WHERE (merged_into IS NOT NULL);

CREATE INDEX tickets_by_parent ON public.tickets USING btree (parent_id) WHERE (parent_id IS NOT NULL);

CREATE INDEX tickets_by_report_again ON public.tickets USING btree (report_again_of) WHERE (report_again_of IS NOT NULL);

CREATE INDEX tickets_by_unit ON public.tickets USING btree (lead_unit, state, due_at) WHERE (lead_unit <> ''::text);

CREATE UNIQUE INDEX tickets_by_upstream ON public.tickets USING btree (upstream_system, upstream_no) WHERE (upstream_no <> ''::text);

CREATE INDEX tickets_due ON public.tickets USING btree (due_at, ticket_id) WHERE ((state <> ALL (ARRAY['answered'::text, 'rejected'::text, 'withdrawn'::text, 'merged'::text, 'closed'::text, 'archived'::text])) AND (due_at IS NOT NULL));

CREATE INDEX tickets_open ON public.tickets USING btree (state, urgent DESC, ticket_id) WHERE (state <> ALL (ARRAY['answered'::text, 'rejected'::text, 'withdrawn'::text, 'merged'::text, 'closed'::text, 'archived'::text]));

CREATE INDEX transcript_words_by_time ON public.transcript_words USING btree (at);

CREATE INDEX transcript_words_by_word ON public.transcript_words USING gin (words) WITH (fastupdate=off);

CREATE INDEX transcripts_made ON public.transcripts USING btree (made_at) WHERE (state = 'done'::text);

CREATE INDEX transcripts_open ON public.transcripts USING btree (asked_at) WHERE (state <> 'done'::text);

CREATE INDEX transcripts_without_words ON public.transcripts USING btree (recording_id) WHERE ((state = 'done'::text) AND ((words_at IS NULL) OR (words_at < made_at)));

CREATE INDEX units_by_path ON public.units USING gin (path);

CREATE INDEX web_sessions_by_expiry ON public.web_sessions USING btree (expires_at);

CREATE INDEX webhook_deliveries_before ON public.webhook_deliveries USING btree (subscription_id, ticket_id, place) WHERE (state = 'waiting'::text);

CREATE INDEX webhook_deliveries_listed ON public.webhook_deliveries USING btree (subscription_id, place);

CREATE INDEX webhook_deliveries_settled ON public.webhook_deliveries USING btree (settled_at) WHERE (state = 'delivered'::text);

CREATE INDEX webhook_deliveries_taken ON public.webhook_deliveries USING btree (subscription_id) WHERE (taken_until IS NOT NULL);

CREATE INDEX webhook_deliveries_waiting ON public.webhook_deliveries USING btree (subscription_id, next_at) WHERE (state = 'waiting'::text);

CREATE INDEX webhook_subscriptions_told ON public.webhook_subscriptions USING btree (state) WHERE (state <> 'ended'::text);

ALTER INDEX public.agent_turns_by_agent ATTACH PARTITION public.agent_turns_default_agent_rang_at_idx;

ALTER INDEX public.agent_turns_by_call ATTACH PARTITION public.agent_turns_default_node_call_id_idx;

ALTER INDEX public.agent_turns_by_version ATTACH PARTITION public.agent_turns_default_node_version_idx;

ALTER INDEX public.agent_turns_pkey ATTACH PARTITION public.agent_turns_default_pkey;

ALTER INDEX public.requests_by_caller ATTACH PARTITION public.requests_default_caller_requested_at_idx;

ALTER INDEX public.requests_by_call ATTACH PARTITION public.requests_default_node_call_id_idx;

ALTER INDEX public.requests_waiting ATTACH PARTITION public.requests_default_node_queue_idx;

ALTER INDEX public.requests_by_version ATTACH PARTITION public.requests_default_node_version_idx;

ALTER INDEX public.requests_pkey ATTACH PARTITION public.requests_default_pkey;

ALTER INDEX public.ticket_words_pkey ATTACH PARTITION public.ticket_words_default_pkey;

ALTER INDEX public.ticket_words_by_word ATTACH PARTITION public.ticket_words_default_words_idx;

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.announcements FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.caller_groups FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.other_hotlines FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.places FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.subject_terms FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.taxonomy_versions FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.unit_staff FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON public.units FOR EACH STATEMENT EXECUTE FUNCTION public.directory_changed();

CREATE TRIGGER is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.audit_is_kept();

CREATE TRIGGER is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION public.audit_is_kept();

CREATE TRIGGER tg_pgqueuer_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.pgqueuer FOR EACH STATEMENT EXECUTE FUNCTION public.fn_pgqueuer_changed();

CREATE TRIGGER to_be_sealed AFTER INSERT ON public.audit_log REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION public.audit_to_be_sealed();

CREATE TRIGGER units_path AFTER INSERT OR DELETE OR UPDATE OF parent ON public.units FOR EACH STATEMENT EXECUTE FUNCTION public.units_path();

ALTER TABLE ONLY public.agent_events
    ADD CONSTRAINT agent_events_agent_fkey FOREIGN KEY (agent) REFERENCES public.agents(agent);

ALTER TABLE ONLY public.agent_sessions
    ADD CONSTRAINT agent_sessions_agent_fkey FOREIGN KEY (agent) REFERENCES public.agents(agent);

ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT announcements_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.knowledge_entries(entry_id);

ALTER TABLE ONLY public.callback_requests
    ADD CONSTRAINT callback_requests_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.callback_entries(entry_id);

ALTER TABLE ONLY public.caller_merges
    ADD CONSTRAINT caller_merges_gone_fkey FOREIGN KEY (gone) REFERENCES public.callers(caller_id);

ALTER TABLE ONLY public.caller_merges
    ADD CONSTRAINT caller_merges_kept_fkey FOREIGN KEY (kept) REFERENCES public.callers(caller_id);

ALTER TABLE ONLY public.caller_numbers
    ADD CONSTRAINT caller_numbers_caller_id_fkey FOREIGN KEY (caller_id) REFERENCES public.callers(caller_id);

ALTER TABLE ONLY public.callers
    ADD CONSTRAINT callers_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES public.callers(caller_id);

ALTER TABLE ONLY public.dispatch_rules
    ADD CONSTRAINT dispatch_rules_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.dispatch_rules
    ADD CONSTRAINT dispatch_rules_unit_fkey FOREIGN KEY (unit) REFERENCES public.units(code);

ALTER TABLE ONLY public.dispatch_suggestions
    ADD CONSTRAINT dispatch_suggestions_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.knowledge_entries
    ADD CONSTRAINT knowledge_entries_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.knowledge_events
    ADD CONSTRAINT knowledge_events_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.knowledge_entries(entry_id);

ALTER TABLE ONLY public.knowledge_reports
    ADD CONSTRAINT knowledge_reports_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.knowledge_entries(entry_id);

ALTER TABLE ONLY public.knowledge_usage
    ADD CONSTRAINT knowledge_usage_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.knowledge_entries(entry_id);

ALTER TABLE ONLY public.knowledge_versions
    ADD CONSTRAINT knowledge_versions_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.knowledge_entries(entry_id);

ALTER TABLE ONLY public.legal_holds
    ADD CONSTRAINT legal_holds_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.legal_holds
    ADD CONSTRAINT legal_holds_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.message_intake
    ADD CONSTRAINT message_intake_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(message_id);

ALTER TABLE ONLY public.message_intake
    ADD CONSTRAINT message_intake_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.message_intake
    ADD CONSTRAINT message_intake_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.quality_appeals
    ADD CONSTRAINT quality_appeals_score_id_fkey FOREIGN KEY (score_id) REFERENCES public.quality_scores(score_id);

ALTER TABLE ONLY public.quality_calibrations
    ADD CONSTRAINT quality_calibrations_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.quality_checks(recording_id);

ALTER TABLE ONLY public.quality_calibrations
    ADD CONSTRAINT quality_calibrations_sheet_version_fkey FOREIGN KEY (sheet, version) REFERENCES public.quality_sheets(sheet, version);

ALTER TABLE ONLY public.quality_checks
    ADD CONSTRAINT quality_checks_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.quality_checks
    ADD CONSTRAINT quality_checks_rules_fkey FOREIGN KEY (rules) REFERENCES public.quality_rules(version);

ALTER TABLE ONLY public.quality_draws
    ADD CONSTRAINT quality_draws_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.quality_plans(plan_id);

ALTER TABLE ONLY public.quality_errors
    ADD CONSTRAINT quality_errors_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.quality_findings
    ADD CONSTRAINT quality_findings_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.quality_checks(recording_id);

ALTER TABLE ONLY public.quality_findings
    ADD CONSTRAINT quality_findings_rules_fkey FOREIGN KEY (rules) REFERENCES public.quality_rules(version);

ALTER TABLE ONLY public.quality_reply_checks
    ADD CONSTRAINT quality_reply_checks_reply_id_fkey FOREIGN KEY (reply_id) REFERENCES public.ticket_replies(reply_id);

ALTER TABLE ONLY public.quality_samples
    ADD CONSTRAINT quality_samples_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.quality_plans(plan_id);

ALTER TABLE ONLY public.quality_samples
    ADD CONSTRAINT quality_samples_plan_id_week_fkey FOREIGN KEY (plan_id, week) REFERENCES public.quality_draws(plan_id, week);

ALTER TABLE ONLY public.quality_samples
    ADD CONSTRAINT quality_samples_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.quality_checks(recording_id);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_calibration_id_fkey FOREIGN KEY (calibration_id) REFERENCES public.quality_calibrations(calibration_id);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.quality_checks(recording_id);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_sample_id_fkey FOREIGN KEY (sample_id) REFERENCES public.quality_samples(sample_id);

ALTER TABLE ONLY public.quality_scores
    ADD CONSTRAINT quality_scores_sheet_version_fkey FOREIGN KEY (sheet, version) REFERENCES public.quality_sheets(sheet, version);

ALTER TABLE ONLY public.recording_masks
    ADD CONSTRAINT recording_masks_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.recording_plays
    ADD CONSTRAINT recording_plays_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.retaliation_reports
    ADD CONSTRAINT retaliation_reports_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.knowledge_entries(entry_id);

ALTER TABLE ONLY public.spoken_articles
    ADD CONSTRAINT spoken_articles_parent_fkey FOREIGN KEY (parent) REFERENCES public.spoken_articles(code) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.supervision_events
    ADD CONSTRAINT supervision_events_supervision_id_fkey FOREIGN KEY (supervision_id) REFERENCES public.supervisions(supervision_id);

ALTER TABLE ONLY public.surge_contacts
    ADD CONSTRAINT surge_contacts_surge_id_fkey FOREIGN KEY (surge_id) REFERENCES public.surges(surge_id);

ALTER TABLE ONLY public.surges
    ADD CONSTRAINT surges_master_ticket_fkey FOREIGN KEY (master_ticket) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.taxonomy_items
    ADD CONSTRAINT taxonomy_items_version_fkey FOREIGN KEY (version) REFERENCES public.taxonomy_versions(version);

ALTER TABLE ONLY public.ticket_attachments
    ADD CONSTRAINT ticket_attachments_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_callbacks
    ADD CONSTRAINT ticket_callbacks_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_clocks
    ADD CONSTRAINT ticket_clocks_profile_version_fkey FOREIGN KEY (profile_version) REFERENCES public.profile_versions(version);

ALTER TABLE ONLY public.ticket_clocks
    ADD CONSTRAINT ticket_clocks_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_contacts
    ADD CONSTRAINT ticket_contacts_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_events
    ADD CONSTRAINT ticket_events_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_identities
    ADD CONSTRAINT ticket_identities_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_papers
    ADD CONSTRAINT ticket_papers_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_replies
    ADD CONSTRAINT ticket_replies_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_requests
    ADD CONSTRAINT ticket_requests_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_supervisions
    ADD CONSTRAINT ticket_supervisions_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.ticket_tasks
    ADD CONSTRAINT ticket_tasks_above_fkey FOREIGN KEY (above) REFERENCES public.ticket_tasks(task_id);

ALTER TABLE ONLY public.ticket_tasks
    ADD CONSTRAINT ticket_tasks_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE public.ticket_words
    ADD CONSTRAINT ticket_words_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_report_again_of_fkey FOREIGN KEY (report_again_of) REFERENCES public.tickets(ticket_id);

ALTER TABLE ONLY public.transcript_turns
    ADD CONSTRAINT transcript_turns_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.transcripts(recording_id);

ALTER TABLE ONLY public.transcript_words
    ADD CONSTRAINT transcript_words_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.transcripts(recording_id);

ALTER TABLE ONLY public.transcripts
    ADD CONSTRAINT transcripts_recording_id_fkey FOREIGN KEY (recording_id) REFERENCES public.recordings(recording_id);

ALTER TABLE ONLY public.unit_staff
    ADD CONSTRAINT unit_staff_unit_fkey FOREIGN KEY (unit) REFERENCES public.units(code) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_parent_fkey FOREIGN KEY (parent) REFERENCES public.units(code) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.webhook_subscriptions(subscription_id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_ticket_id_fkey FOREIGN KEY (ticket_id) REFERENCES public.tickets(ticket_id);

ALTER TABLE public.caller_merges ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.caller_numbers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.callers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.retaliation_reports ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON public.caller_merges USING ((current_setting('hotline.viewer'::text, true) = 'staff'::text)) WITH CHECK ((current_setting('hotline.viewer'::text, true) = 'staff'::text));

CREATE POLICY staff ON public.caller_numbers USING ((current_setting('hotline.viewer'::text, true) = 'staff'::text)) WITH CHECK ((current_setting('hotline.viewer'::text, true) = 'staff'::text));

CREATE POLICY staff ON public.callers USING ((current_setting('hotline.viewer'::text, true) = 'staff'::text)) WITH CHECK ((current_setting('hotline.viewer'::text, true) = 'staff'::text));

CREATE POLICY staff ON public.retaliation_reports USING ((current_setting('hotline.viewer'::text, true) = 'staff'::text)) WITH CHECK ((current_setting('hotline.viewer'::text, true) = 'staff'::text));

CREATE POLICY staff ON public.ticket_contacts USING ((current_setting('hotline.viewer'::text, true) = 'staff'::text)) WITH CHECK ((current_setting('hotline.viewer'::text, true) = 'staff'::text));

CREATE POLICY staff ON public.ticket_identities USING ((current_setting('hotline.viewer'::text, true) = 'staff'::text)) WITH CHECK ((current_setting('hotline.viewer'::text, true) = 'staff'::text));

ALTER TABLE public.ticket_contacts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ticket_identities ENABLE ROW LEVEL SECURITY;
