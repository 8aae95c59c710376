-- Agents: who they are, where they work and since when; when they should; and the members that Asterisk's queues have because of it.
CREATE TABLE agents (
    agent         text PRIMARY KEY CHECK (agent ~ '^[0-9]{3,5}$'),           -- 工号
    name          text NOT NULL DEFAULT '',
    name_en       text NOT NULL DEFAULT '',
    role          text NOT NULL DEFAULT 'agent' CHECK (role IN ('agent', 'trainee', 'dispatcher', 'callback_agent', 'shift_leader',
                                                                'supervisor', 'quality', 'office', 'leader', 'administrator')),
    skills        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(skills) = 'object'),   -- skill -> level 1 to 5
    sub_centre    text NOT NULL DEFAULT '',
    team          text NOT NULL DEFAULT '',
    trainee       boolean NOT NULL DEFAULT false,
    trainee_until date,
    mentor        text NOT NULL DEFAULT '',                                  -- agent, or nobody
    active        boolean NOT NULL DEFAULT true,                             -- not deleted: what they did stays theirs
    origin        text NOT NULL CHECK (origin IN ('settings', 'directory'))  -- those of the settings follow them
);

-- An agent at a seat. What the agent wishes (paused, why) stands here; the queues are made to agree, whatever is restarted.
CREATE TABLE agent_sessions (
    session_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent        text NOT NULL REFERENCES agents,
    seat         text NOT NULL CHECK (seat ~ '^[0-9]{3,5}$'),
    since        timestamptz NOT NULL DEFAULT now(),
    until        timestamptz CHECK (until >= since),
    opened_by    text NOT NULL CHECK (opened_by <> ''),
    opened_how   text NOT NULL CHECK (opened_how IN ('telephone', 'code', 'api')),
    closed_by    text,
    closed_how   text CHECK (closed_how IN ('code', 'api', 'forced', 'displaced', 'moved', 'shift_end', 'seat_gone', 'inactive')),
    paused       boolean NOT NULL DEFAULT false,
    pause_reason text NOT NULL DEFAULT '',
    ready_at     timestamptz NOT NULL DEFAULT now(),                         -- missed calls count from here
    ordered_at   timestamptz NOT NULL DEFAULT clock_timestamp(),             -- of the last order; what Asterisk told before it is old
    CHECK ((until IS NULL) = (closed_how IS NULL) AND (until IS NULL) = (closed_by IS NULL)),
    CHECK (paused OR pause_reason = '')
);
CREATE UNIQUE INDEX agent_sessions_open ON agent_sessions (agent) WHERE until IS NULL;      -- one telephone per agent
CREATE UNIQUE INDEX agent_sessions_seats ON agent_sessions (seat) WHERE until IS NULL;      -- one agent per telephone
CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent, since);

-- What agents did, and what was done to them: attendance.
CREATE TABLE agent_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent    text NOT NULL REFERENCES agents,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    what     text NOT NULL CHECK (what IN ('log_in', 'log_out', 'pause', 'ready', 'wrong_pin')),
    seat     text NOT NULL DEFAULT '',
    why      text NOT NULL DEFAULT '',                                       -- of a pause its reason, of a log-in or log-out how
    who      text NOT NULL CHECK (who <> '')
);
CREATE INDEX agent_events_by_agent ON agent_events (agent, at);

CREATE TABLE shift_plan (
    agent  text NOT NULL,                                                    -- may be planned before it is an agent
    begins timestamptz NOT NULL,
    ends   timestamptz NOT NULL CHECK (ends > begins),
    PRIMARY KEY (agent, begins)
);
CREATE INDEX shift_plan_by_time ON shift_plan (ends);

-- The members of a node's queues as its bridge sees them, and when it last listed them all; nothing older is known to hold.
CREATE TABLE queue_members (
    node          text NOT NULL,
    queue         text NOT NULL,
    interface     text NOT NULL,
    agent         text NOT NULL,
    penalty       integer NOT NULL,
    paused        boolean NOT NULL,
    pause_reason  text NOT NULL,
    status        smallint NOT NULL,                                         -- Asterisk's device state
    paused_at     timestamptz,                                               -- when a pause or its end was told, NULL: only listed
    at            timestamptz NOT NULL,
    version       bigint NOT NULL,
    PRIMARY KEY (node, queue, interface)
);
CREATE TABLE queue_listings (
    node      text PRIMARY KEY,
    listed_at timestamptz NOT NULL
);

-- Commands asked in one transaction keep their order.
ALTER TABLE commands ALTER COLUMN asked_at SET DEFAULT clock_timestamp();

-- elsewhere: the telephone is in use, and not for a queue.
ALTER TABLE agent_states DROP CONSTRAINT agent_states_state_check;
ALTER TABLE agent_states ADD CONSTRAINT agent_states_state_check
    CHECK (state IN ('offline', 'ready', 'paused', 'ringing', 'talking', 'holding', 'wrap_up', 'elsewhere'));

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON agents, agent_sessions, agent_events FROM hotline;
    END IF;
END
$$;
