-- Quality of calls (QUA): what the automatic checks found, score sheets, samples, scores, appeals, errors, complaints about staff,
-- suggestions, mystery calls. crm/quality.

-- What calls are held against: each set of rules that was in force.
CREATE TABLE quality_rules (
    version integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest  text NOT NULL,
    rules   jsonb NOT NULL,                              -- crm/quality/rules.py, Rules
    made_at timestamptz NOT NULL,
    made_by text NOT NULL
);

-- One row for each stored conversation that was checked; no row: not yet.
CREATE TABLE quality_checks (
    recording_id bigint PRIMARY KEY REFERENCES recordings,
    node         text NOT NULL,
    call_id      text NOT NULL,
    agent        text NOT NULL,
    started_at   timestamptz NOT NULL,
    length_ms    integer NOT NULL,
    rules        integer NOT NULL REFERENCES quality_rules,
    checked_at   timestamptz NOT NULL,
    words_of     timestamptz,                            -- made_at of the transcript that was read; NULL: none was there
    outcomes     jsonb NOT NULL,                         -- check -> passed, failed, not_checked, not_applicable
    is_wanted    boolean NOT NULL DEFAULT false          -- somebody wants it checked again
);
CREATE INDEX recordings_by_sealing ON recordings (sealed_at) WHERE state = 'stored' AND kind = 'conversation';
CREATE INDEX quality_flags_by_time ON quality_flags (at);
CREATE INDEX quality_checks_by_agent ON quality_checks (agent, started_at);
CREATE INDEX quality_checks_by_time ON quality_checks (started_at);
CREATE INDEX quality_checks_by_call ON quality_checks (node, call_id);
CREATE INDEX quality_checks_wanted ON quality_checks (recording_id) WHERE is_wanted;

CREATE TABLE quality_findings (
    finding_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording_id  bigint NOT NULL REFERENCES quality_checks,
    code          text NOT NULL,                         -- crm/quality/checks.py
    agent         text NOT NULL,
    severity      text NOT NULL CHECK (severity IN ('note', 'minor', 'serious')),
    at            timestamptz NOT NULL,                  -- of the moment in the call
    from_ms       integer NOT NULL CHECK (from_ms >= 0),
    to_ms         integer NOT NULL CHECK (to_ms >= from_ms),
    detail        jsonb NOT NULL DEFAULT '{}',
    rules         integer NOT NULL REFERENCES quality_rules,
    found_at      timestamptz NOT NULL,
    superseded_at timestamptz,                           -- checked again, and not found any more
    judged        text NOT NULL DEFAULT '' CHECK (judged IN ('', 'confirmed', 'dismissed')),
    judged_by     text NOT NULL DEFAULT '',
    judged_at     timestamptz,
    note          text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX quality_findings_once ON quality_findings (recording_id, code, agent, from_ms) WHERE superseded_at IS NULL;
CREATE INDEX quality_findings_by_agent ON quality_findings (agent, at DESC) WHERE superseded_at IS NULL;
CREATE INDEX quality_findings_by_time ON quality_findings (at DESC) WHERE superseded_at IS NULL;
CREATE INDEX quality_findings_by_code ON quality_findings (code, at DESC) WHERE superseded_at IS NULL;

CREATE TABLE quality_sheets (
    sheet   text NOT NULL CHECK (sheet ~ '^[a-z][a-z0-9_]{0,39}$'),
    version integer NOT NULL CHECK (version >= 1),
    content jsonb NOT NULL,                              -- crm/quality/sheet.py, Sheet
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    PRIMARY KEY (sheet, version)
);

CREATE TABLE quality_plans (
    plan_id  uuid PRIMARY KEY,
    name     text NOT NULL,
    sheet    text NOT NULL,
    rule     jsonb NOT NULL,                             -- crm/quality/sampling.py, Rule
    seed     bigint NOT NULL,
    made_at  timestamptz NOT NULL,
    made_by  text NOT NULL,
    ended_at timestamptz,
    ended_by text NOT NULL DEFAULT ''
);

-- A week of a plan is drawn once; the seed says how, so that it can be done again on paper.
CREATE TABLE quality_draws (
    plan_id  uuid NOT NULL REFERENCES quality_plans,
    week     date NOT NULL CHECK (extract(isodow FROM week) = 1),
    seed     bigint NOT NULL,
    calls    integer NOT NULL,                           -- how many there were to choose from
    drawn    integer NOT NULL,
    drawn_at timestamptz NOT NULL,
    drawn_by text NOT NULL,
    PRIMARY KEY (plan_id, week)
);

CREATE TABLE quality_samples (
    sample_id    uuid PRIMARY KEY,
    plan_id      uuid NOT NULL REFERENCES quality_plans,
    week         date NOT NULL,
    recording_id bigint NOT NULL REFERENCES quality_checks,
    agent        text NOT NULL,
    FOREIGN KEY (plan_id, week) REFERENCES quality_draws,
    UNIQUE (plan_id, recording_id)
);

CREATE TABLE quality_calibrations (
    calibration_id uuid PRIMARY KEY,
    recording_id   bigint NOT NULL REFERENCES quality_checks,
    sheet          text NOT NULL,
    version        integer NOT NULL,
    scorers        text[] NOT NULL CHECK (cardinality(scorers) >= 2),
    made_at        timestamptz NOT NULL,
    made_by        text NOT NULL,
    closed_at      timestamptz,
    closed_by      text NOT NULL DEFAULT '',
    FOREIGN KEY (sheet, version) REFERENCES quality_sheets
);

-- points, total: as they stand; an appeal that changed them keeps what was before.
CREATE TABLE quality_scores (
    score_id       uuid PRIMARY KEY,
    recording_id   bigint NOT NULL REFERENCES quality_checks,
    agent          text NOT NULL,
    sample_id      uuid UNIQUE REFERENCES quality_samples,
    calibration_id uuid REFERENCES quality_calibrations,
    sheet          text NOT NULL,
    version        integer NOT NULL,
    scorer         text NOT NULL CHECK (scorer <> ''),
    state          text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'submitted')),
    points         jsonb NOT NULL DEFAULT '{}',
    vetoes         text[] NOT NULL DEFAULT '{}',
    remark         text NOT NULL DEFAULT '',
    total          double precision NOT NULL DEFAULT 0,
    most           double precision NOT NULL CHECK (most > 0),
    begun_at       timestamptz NOT NULL,
    submitted_at   timestamptz,
    FOREIGN KEY (sheet, version) REFERENCES quality_sheets,
    UNIQUE (calibration_id, scorer),
    CHECK (sample_id IS NULL OR calibration_id IS NULL),
    CHECK ((state = 'submitted') = (submitted_at IS NOT NULL))
);
CREATE UNIQUE INDEX quality_scores_once ON quality_scores (recording_id, sheet, scorer) WHERE calibration_id IS NULL;
CREATE INDEX quality_scores_by_agent ON quality_scores (agent, submitted_at DESC) WHERE state = 'submitted';

CREATE TABLE quality_appeals (
    appeal_id uuid PRIMARY KEY,
    score_id  uuid NOT NULL UNIQUE REFERENCES quality_scores,
    agent     text NOT NULL,
    by        text NOT NULL,
    reason    text NOT NULL CHECK (reason <> ''),
    made_at   timestamptz NOT NULL,
    state     text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'kept', 'changed')),
    before    jsonb NOT NULL,                            -- points, vetoes, total
    after     jsonb,
    answer    text NOT NULL DEFAULT '',
    settled_by text NOT NULL DEFAULT '',
    settled_at timestamptz,
    CHECK ((state = 'open') = (settled_at IS NULL)),
    CHECK (state <> 'changed' OR after IS NOT NULL)
);
CREATE INDEX quality_appeals_open ON quality_appeals (made_at) WHERE state = 'open';
CREATE INDEX quality_appeals_by_agent ON quality_appeals (agent, made_at DESC);

-- QUA-12: of an agent, in a ticket or a call.
CREATE TABLE quality_errors (
    error_id     uuid PRIMARY KEY,
    agent        text NOT NULL CHECK (agent <> ''),
    kind         text NOT NULL CHECK (kind IN ('wrong_unit', 'form_returned', 'wrong_answer', 'missed_confidentiality', 'other')),
    at           timestamptz NOT NULL,
    ticket       text NOT NULL DEFAULT '',
    recording_id bigint REFERENCES recordings,
    note         text NOT NULL DEFAULT '',
    noted_by     text NOT NULL,
    noted_at     timestamptz NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text NOT NULL DEFAULT '',
    why          text NOT NULL DEFAULT ''
);
CREATE INDEX quality_errors_by_agent ON quality_errors (agent, at DESC);
CREATE INDEX quality_errors_by_time ON quality_errors (at DESC);

-- QUA-10, KPI-04: about attitude or professional quality of staff; those that are valid count.
CREATE TABLE staff_complaints (
    complaint_id uuid PRIMARY KEY,
    agent        text NOT NULL DEFAULT '',               -- empty: not known (yet)
    about        text NOT NULL CHECK (about IN ('attitude', 'professional')),
    step         text NOT NULL CHECK (step IN ('acceptance', 'transfer', 'handling', 'callback', 'supervision')),
    at           timestamptz NOT NULL,
    ticket       text NOT NULL DEFAULT '',
    text         text NOT NULL,
    logged_by    text NOT NULL,
    logged_at    timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'valid', 'invalid')),
    checked_by   text NOT NULL DEFAULT '',
    checked_at   timestamptz,
    conclusion   text NOT NULL DEFAULT '',
    CHECK ((state = 'open') = (checked_at IS NULL))
);
CREATE INDEX staff_complaints_by_time ON staff_complaints (at DESC);
CREATE INDEX staff_complaints_by_agent ON staff_complaints (agent, at DESC);

-- QUA-13.
CREATE TABLE quality_suggestions (
    suggestion_id uuid PRIMARY KEY,
    text          text NOT NULL CHECK (text <> ''),
    by            text NOT NULL,
    unit          text NOT NULL DEFAULT '',
    made_at       timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'declined')),
    answer        text NOT NULL DEFAULT '',
    answered_by   text NOT NULL DEFAULT '',
    answered_at   timestamptz,
    CHECK ((state = 'open') = (answered_at IS NULL))
);
CREATE INDEX quality_suggestions_by_time ON quality_suggestions (made_at DESC);
CREATE INDEX quality_suggestions_by_person ON quality_suggestions (by, made_at DESC);

-- QUA-09: a line that was tried as a citizen would, three times at most.
CREATE TABLE mystery_calls (
    mystery_id uuid PRIMARY KEY,
    line       text NOT NULL CHECK (line <> ''),
    at         timestamptz NOT NULL,
    attempts   jsonb NOT NULL CHECK (jsonb_typeof(attempts) = 'array' AND jsonb_array_length(attempts) BETWEEN 1 AND 3),
    passed     boolean NOT NULL,
    note       text NOT NULL DEFAULT '',
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL
);
CREATE INDEX mystery_calls_by_time ON mystery_calls (at DESC);

-- QUA-08: replies of units that somebody held against the facts.
CREATE TABLE quality_reply_checks (
    reply_id   uuid PRIMARY KEY REFERENCES ticket_replies,
    verdict    text NOT NULL CHECK (verdict IN ('true', 'not_true', 'not_to_rule')),
    note       text NOT NULL DEFAULT '',
    checked_by text NOT NULL,
    checked_at timestamptz NOT NULL
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON quality_rules, quality_checks, quality_findings, quality_sheets, quality_plans, quality_draws, quality_samples,
            quality_calibrations, quality_scores, quality_appeals, quality_errors, staff_complaints, quality_suggestions, mystery_calls, quality_reply_checks
            FROM hotline;
    END IF;
END
$$;
