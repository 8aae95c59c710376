-- Tickets (工单): TKT-01 to TKT-30, LIF-40 to LIF-43. The id of a ticket is the digits of its number: the day of Shanghai and the
-- number within the day, 2026112200001. Who may see whom: row security needs the setting hotline.viewer ('staff'); unset, nobody is seen.

CREATE TABLE ticket_days (
    day  date PRIMARY KEY,
    last integer NOT NULL CHECK (last > 0)                -- the number given out last: never given again (TKT-08)
);

CREATE TABLE tickets (
    ticket_id         bigint PRIMARY KEY CHECK (ticket_id > 2000010100000),
    version           integer NOT NULL DEFAULT 1,         -- counts changes: who saves an older one is told so
    channel           text NOT NULL,
    state             text NOT NULL,
    before            text,                               -- the state to which a refused request leads back
    profile           text NOT NULL,                      -- whose rules count (CFG-08)
    made_at           timestamptz NOT NULL,
    made_by           text NOT NULL,
    updated_at        timestamptz NOT NULL,
    accept_agent      text NOT NULL DEFAULT '',
    assign_agent      text NOT NULL DEFAULT '',
    node              text NOT NULL DEFAULT '',
    call_id           text NOT NULL DEFAULT '',           -- of the call that it was opened from
    content           text NOT NULL DEFAULT '',
    event_time        text NOT NULL DEFAULT '',
    event_place       text NOT NULL DEFAULT '',
    persons           text NOT NULL DEFAULT '',
    demand            text NOT NULL DEFAULT '',
    nature            text,
    category          text NOT NULL DEFAULT '',           -- a leaf of the taxonomy: C1.03
    related_category  text NOT NULL DEFAULT '',
    taxonomy_version  integer NOT NULL DEFAULT 0,
    subject_terms     text[] NOT NULL DEFAULT '{}',
    territory         text NOT NULL DEFAULT '',
    special_group     text NOT NULL DEFAULT '',
    service_mode      text NOT NULL DEFAULT '',
    reply_wanted      boolean NOT NULL DEFAULT true,
    hidden            text[] NOT NULL DEFAULT '{}' CHECK (hidden <@ '{name,phone,workplace,result,all}'),
    anonymous         boolean NOT NULL DEFAULT false,
    urgent            boolean NOT NULL DEFAULT false,
    leader_event      boolean NOT NULL DEFAULT false,
    leader_item       boolean NOT NULL DEFAULT false,
    green_channel     boolean NOT NULL DEFAULT false,
    service_complaint boolean NOT NULL DEFAULT false,
    misconduct        boolean NOT NULL DEFAULT false,
    untrue            boolean,
    publishable       boolean NOT NULL DEFAULT false,
    accused_unit      text NOT NULL DEFAULT '',
    upstream_system   text NOT NULL DEFAULT '',
    upstream_no       text NOT NULL DEFAULT '',
    upstream_due_at   timestamptz,
    regulatory_due_at timestamptz,
    handling_mode     text NOT NULL DEFAULT '',
    item_kind         text NOT NULL DEFAULT 'time_limited',
    lead_unit         text NOT NULL DEFAULT '',
    co_units          text[] NOT NULL DEFAULT '{}',
    doubt             text NOT NULL DEFAULT '',
    released          boolean NOT NULL DEFAULT true,
    dispatched_at     timestamptz,
    received_at       timestamptz,
    due_at            timestamptz,
    promised_at       timestamptz,
    replied_at        timestamptz,
    answer_case       text NOT NULL DEFAULT '',
    answer            text NOT NULL DEFAULT '',
    reject_reason     text NOT NULL DEFAULT '',
    process_satisfaction text,
    result_satisfaction  text,
    solved            boolean,
    reasonable        boolean,
    closing_ground    text,
    reviewed_at       timestamptz,
    closed_at         timestamptz,
    archived_at       timestamptz,
    parent_id         bigint REFERENCES tickets (ticket_id),    -- many callers of one event (TKT-18)
    merged_into       bigint REFERENCES tickets (ticket_id),
    report_again_of   bigint REFERENCES tickets (ticket_id),
    CHECK ((state = 'merged') = (merged_into IS NOT NULL) OR state = 'archived'),
    CHECK (state <> 'closed' OR closing_ground IS NOT NULL)     -- LIF-42
);
CREATE UNIQUE INDEX tickets_by_upstream ON tickets (upstream_system, upstream_no) WHERE upstream_no <> '';
CREATE INDEX tickets_by_call ON tickets (node, call_id) WHERE call_id <> '';
CREATE INDEX tickets_open ON tickets (state, urgent DESC, ticket_id)
    WHERE state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived');
CREATE INDEX tickets_by_unit ON tickets (lead_unit, state, due_at) WHERE lead_unit <> '';
CREATE INDEX tickets_by_agent ON tickets (accept_agent, ticket_id);
CREATE INDEX tickets_by_category ON tickets (category, ticket_id);
CREATE INDEX tickets_due ON tickets (due_at, ticket_id)
    WHERE state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived') AND due_at IS NOT NULL;
CREATE INDEX tickets_by_report_again ON tickets (report_again_of) WHERE report_again_of IS NOT NULL;
CREATE INDEX tickets_by_merge ON tickets (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX tickets_by_parent ON tickets (parent_id) WHERE parent_id IS NOT NULL;

-- Who the citizen is. Units are given what the citizen allows by a view of their own (SEC-03, SEC-13).
CREATE TABLE ticket_identities (
    ticket_id      bigint PRIMARY KEY REFERENCES tickets (ticket_id),
    caller_id      uuid,                                  -- the person in callers
    caller_name    text NOT NULL DEFAULT '',
    caller_title   text NOT NULL DEFAULT '',
    workplace      text NOT NULL DEFAULT '',
    home_address   text NOT NULL DEFAULT '',
    caller_phone   telephone_number NOT NULL DEFAULT '',
    calling_number telephone_number NOT NULL DEFAULT '',  -- as the network had it
    callback_phone telephone_number NOT NULL DEFAULT ''   -- read to the caller (TKT-12)
);
CREATE INDEX ticket_identities_by_caller ON ticket_identities (caller_id, ticket_id) WHERE caller_id IS NOT NULL;
CREATE INDEX ticket_identities_by_number ON ticket_identities (calling_number, ticket_id) WHERE calling_number <> '';
CREATE INDEX ticket_identities_by_phone ON ticket_identities (caller_phone, ticket_id) WHERE caller_phone <> '';
ALTER TABLE ticket_identities ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff ON ticket_identities
    USING (current_setting('hotline.viewer', true) = 'staff') WITH CHECK (current_setting('hotline.viewer', true) = 'staff');

-- What a decision needs to know of somebody whom the person who decides may not see: whether a name and a number are known (TKT-04).
CREATE FUNCTION ticket_has_identity(ticket bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM ticket_identities AS i
        WHERE i.ticket_id = ticket AND i.caller_name <> ''
          AND greatest(i.caller_phone::text, i.calling_number::text, i.callback_phone::text) <> ''
    )
$$;

-- Everything that was done to a ticket (LIF-41, TKT-21). seq is the version that it made; rows are only added.
CREATE TABLE ticket_events (
    ticket_id  bigint NOT NULL REFERENCES tickets (ticket_id),
    seq        integer NOT NULL,
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    role       text NOT NULL,
    action     text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    reason     text NOT NULL DEFAULT '',
    detail     jsonb NOT NULL DEFAULT '{}',               -- what was said, and what changed: {"changed": {"nature": ["help", "complaint"]}}
    PRIMARY KEY (ticket_id, seq)
);

-- Each time that somebody got in touch about a ticket: the first call, repeats (CAL-04), results told, what was left by night.
CREATE TABLE ticket_contacts (
    contact_id   uuid PRIMARY KEY,
    ticket_id    bigint NOT NULL REFERENCES tickets (ticket_id),
    at           timestamptz NOT NULL,
    channel      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('first', 'repeat', 'result', 'supplement', 'withdrawal', 'same_matter', 'callback')),
    node         text NOT NULL DEFAULT '',
    call_id      text NOT NULL DEFAULT '',
    number       telephone_number NOT NULL DEFAULT '',
    note         text NOT NULL DEFAULT '',
    by           text NOT NULL,
    source       text NOT NULL DEFAULT ''                 -- message:17, draft:UUID, sms:…: once each
);
CREATE INDEX ticket_contacts_by_ticket ON ticket_contacts (ticket_id, at);
CREATE INDEX ticket_contacts_by_number ON ticket_contacts (number, at) WHERE number <> '';
CREATE UNIQUE INDEX ticket_contacts_once ON ticket_contacts (source) WHERE source <> '';
ALTER TABLE ticket_contacts ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff ON ticket_contacts
    USING (current_setting('hotline.viewer', true) = 'staff') WITH CHECK (current_setting('hotline.viewer', true) = 'staff');

-- Who works on it: the lead unit, helping units (LIF-20, LIF-22), and whom they gave it to below them (LIF-34).
CREATE TABLE ticket_tasks (
    task_id          uuid PRIMARY KEY,
    ticket_id        bigint NOT NULL REFERENCES tickets (ticket_id),
    unit             text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('lead', 'helping', 'sub')),
    given_by         text NOT NULL,                       -- a person
    above            uuid REFERENCES ticket_tasks (task_id),
    given_at         timestamptz NOT NULL,
    note             text NOT NULL DEFAULT '',
    contact          text NOT NULL DEFAULT '',            -- the unit's contact person and telephone then (TKT-05)
    phone            text NOT NULL DEFAULT '',
    received_at      timestamptz,
    first_contact_at timestamptz,                         -- with the citizen (RPL-20)
    opinion          text NOT NULL DEFAULT '',            -- of a helping unit
    ended_at         timestamptz,
    ended_by         text NOT NULL DEFAULT '' CHECK (ended_by IN ('', 'replied', 'returned', 'recalled', 'withdrawn', 'merged', 'given_on', 'redo')),
    stop_confirmed_at timestamptz
);
CREATE INDEX ticket_tasks_by_ticket ON ticket_tasks (ticket_id, given_at);
CREATE INDEX ticket_tasks_open ON ticket_tasks (unit, ticket_id) WHERE ended_at IS NULL;
CREATE INDEX ticket_tasks_by_unit ON ticket_tasks (unit, given_at);

-- What units ask for, and what became of it: returns (退件), extensions (延期).
CREATE TABLE ticket_requests (
    request_id  uuid PRIMARY KEY,
    ticket_id   bigint NOT NULL REFERENCES tickets (ticket_id),
    kind        text NOT NULL CHECK (kind IN ('return', 'extension', 'second_extension')),
    unit        text NOT NULL,
    asked_at    timestamptz NOT NULL,
    asked_by    text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    days        integer,                                  -- of an extension
    suggested   text NOT NULL DEFAULT '',                 -- the unit that a return suggests
    late        boolean NOT NULL DEFAULT false,           -- a return after its limit (ASM-14)
    signed_by   text NOT NULL DEFAULT '',
    endorsed_at timestamptz,
    endorsed_by text NOT NULL DEFAULT '',
    decided_at  timestamptz,
    decided_by  text NOT NULL DEFAULT '',
    approved    boolean,
    opinion     text NOT NULL DEFAULT '',
    old_due_at  timestamptz,
    new_due_at  timestamptz
);
CREATE INDEX ticket_requests_by_ticket ON ticket_requests (ticket_id, asked_at);
CREATE INDEX ticket_requests_by_unit ON ticket_requests (unit, kind, asked_at);
CREATE UNIQUE INDEX ticket_requests_open ON ticket_requests (ticket_id) WHERE decided_at IS NULL;

-- Replies (RPL-02 to RPL-04).
CREATE TABLE ticket_replies (
    reply_id     uuid PRIMARY KEY,
    ticket_id    bigint NOT NULL REFERENCES tickets (ticket_id),
    unit         text NOT NULL,
    at           timestamptz NOT NULL,
    by           text NOT NULL,
    kind         text NOT NULL DEFAULT 'final' CHECK (kind IN ('first', 'final')),    -- of a commitment there are two (LIF-16)
    basis        text NOT NULL DEFAULT '',
    reasons      text NOT NULL DEFAULT '',
    policy       text NOT NULL DEFAULT '',
    time_limit   text NOT NULL DEFAULT '',
    analysis     text NOT NULL DEFAULT '',
    present_state text NOT NULL DEFAULT '',
    result       text NOT NULL DEFAULT '',
    opinions     text NOT NULL DEFAULT '',
    is_true      text NOT NULL CHECK (is_true IN ('yes', 'partly', 'no')),
    solvable     text NOT NULL CHECK (solvable IN ('yes', 'later', 'no')),
    outcome      text NOT NULL CHECK (outcome IN ('resolved', 'planned', 'explained', 'not_true')),   -- GEN-16
    planned_on   date,
    citizen_told boolean NOT NULL,
    told_at      timestamptz,
    approved_by  text NOT NULL DEFAULT '',
    approved_at  timestamptz,
    head_signed  text NOT NULL DEFAULT '',                -- CBK-16
    state        text NOT NULL CHECK (state IN ('proposed', 'sent', 'sent_back', 'refused')),
    opinion      text NOT NULL DEFAULT '',
    warnings     text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX ticket_replies_by_ticket ON ticket_replies (ticket_id, at);

-- Call-backs (CBK-05, CBK-23, CBK-25), attempts among them.
CREATE TABLE ticket_callbacks (
    callback_id          uuid PRIMARY KEY,
    ticket_id            bigint NOT NULL REFERENCES tickets (ticket_id),
    at                   timestamptz NOT NULL,
    by                   text NOT NULL,
    reached              boolean NOT NULL,
    on_call              boolean NOT NULL DEFAULT false,  -- told when the citizen called (CBK-04)
    node                 text NOT NULL DEFAULT '',
    call_id              text NOT NULL DEFAULT '',
    unit_replied         boolean,
    process_satisfaction text,
    result_satisfaction  text,
    solved               boolean,
    reasonable           boolean,                         -- NULL: cannot judge (CBK-11)
    reason               text NOT NULL DEFAULT '',
    opinions             text NOT NULL DEFAULT '',
    verified             boolean NOT NULL DEFAULT false   -- the person himself was speaking (CBK-22)
);
CREATE INDEX ticket_callbacks_by_ticket ON ticket_callbacks (ticket_id, at);

-- Supervision (SUP-17), by people and by the plan; electronic reminders among them (SUP-16).
CREATE TABLE ticket_supervisions (
    supervision_id uuid PRIMARY KEY,
    ticket_id      bigint NOT NULL REFERENCES tickets (ticket_id),
    at             timestamptz NOT NULL,
    mode           text NOT NULL CHECK (mode IN ('electronic', 'telephone', 'written', 'on_site')),
    kind           text NOT NULL DEFAULT 'ordinary' CHECK (kind IN ('ordinary', 'leader', 'media', 'leader_again', 'urge', 'plan')),
    level          smallint NOT NULL DEFAULT 0,
    by             text NOT NULL,
    addressee      text NOT NULL,
    demand         text NOT NULL,
    answer_due_at  timestamptz,
    answered_at    timestamptz,
    answered_by    text NOT NULL DEFAULT '',
    answer         text NOT NULL DEFAULT '',
    ended_at       timestamptz,
    result         text NOT NULL DEFAULT ''
);
CREATE INDEX ticket_supervisions_by_ticket ON ticket_supervisions (ticket_id, at);
CREATE INDEX ticket_supervisions_open ON ticket_supervisions (addressee, at) WHERE ended_at IS NULL AND kind <> 'plan';

-- Papers for perusal (呈阅件), leaders' instructions (批示), consultations (会商), accountability cases: texts that are never changed.
CREATE TABLE ticket_papers (
    paper_id  uuid PRIMARY KEY,
    ticket_id bigint NOT NULL REFERENCES tickets (ticket_id),
    kind      text NOT NULL CHECK (kind IN ('report', 'instruction', 'consultation', 'result', 'accountability', 'reply_letter', 'countersign')),
    at        timestamptz NOT NULL,
    by        text NOT NULL,
    text      text NOT NULL,
    unit      text NOT NULL DEFAULT '',
    due_at    timestamptz,
    detail    jsonb NOT NULL DEFAULT '{}',
    seen_at   timestamptz
);
CREATE INDEX ticket_papers_by_ticket ON ticket_papers (ticket_id, at);
CREATE INDEX ticket_papers_by_kind ON ticket_papers (kind, at);

-- Files (TKT-27): content is on disk below var/attachments under its hash.
CREATE TABLE ticket_attachments (
    attachment_id uuid PRIMARY KEY,
    ticket_id     bigint NOT NULL REFERENCES tickets (ticket_id),
    at            timestamptz NOT NULL,
    by            text NOT NULL,
    unit          text NOT NULL DEFAULT '',
    name          text NOT NULL CHECK (name <> ''),
    media_type    text NOT NULL,
    bytes         bigint NOT NULL CHECK (bytes >= 0),
    sha256        text NOT NULL,
    kind          text NOT NULL DEFAULT 'other',          -- photo, return_opinion, extension_form, reply_letter, other
    for_units     boolean NOT NULL DEFAULT true,          -- false: it may show who the citizen is
    withdrawn_at  timestamptz
);
CREATE INDEX ticket_attachments_by_ticket ON ticket_attachments (ticket_id, at);

-- What was answered to a request with an idempotency key: the same key again gets the same answer, and nothing is done twice.
CREATE TABLE idempotency_keys (
    actor   text NOT NULL,
    key     text NOT NULL,
    digest  text NOT NULL,                                -- of what was asked: another question under the same key is refused
    status  smallint NOT NULL,
    answer  text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (made_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON tickets, ticket_identities, ticket_contacts, ticket_tasks, ticket_requests, ticket_replies, ticket_callbacks,
            ticket_supervisions, ticket_attachments, ticket_days FROM hotline;
        REVOKE UPDATE, DELETE ON ticket_events FROM hotline;
        REVOKE UPDATE, DELETE ON ticket_papers FROM hotline;
        GRANT UPDATE (seen_at) ON ticket_papers TO hotline;
    END IF;
END
$$;
