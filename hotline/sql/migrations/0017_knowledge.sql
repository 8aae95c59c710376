-- The knowledge base (知识库): KBA-01 to KBA-13. An entry's row is what is in force; of a draft, the newest version. Every change is a
-- version; one of an entry that is in force waits until the centre releases it (ORG-32, RPL-15).

CREATE TABLE knowledge_entries (
    entry_id      uuid PRIMARY KEY,
    state         text NOT NULL CHECK (state IN ('draft', 'released', 'withdrawn')),
    version       integer NOT NULL CHECK (version > 0),   -- that this row shows
    newest        integer NOT NULL CHECK (newest >= version),     -- that waits to be released, when it is another one
    owner_unit    text NOT NULL DEFAULT '',               -- KBA-04; '': the centre itself
    kind          text NOT NULL CHECK (kind IN ('answer', 'guide', 'announcement', 'troubleshooting', 'notice', 'expert')),
    topic         text NOT NULL,                          -- KBA-01: policy, procedure, …
    title         text NOT NULL CHECK (title <> ''),
    body          text NOT NULL DEFAULT '',
    answer        text NOT NULL DEFAULT '',               -- the standard answer (KBA-02)
    binding       boolean NOT NULL DEFAULT false,         -- it is told word for word (LIF-05, RPL-15)
    category      text NOT NULL DEFAULT '',
    subject_terms text[] NOT NULL DEFAULT '{}',
    author        text NOT NULL DEFAULT '',               -- KBA-11
    code          text NOT NULL DEFAULT '',               -- in the telephone menu (IVR-05)
    folder        text NOT NULL DEFAULT '',
    key           smallint CHECK (key BETWEEN 1 AND 8),
    prompts       text[] NOT NULL DEFAULT '{}',
    document      text NOT NULL DEFAULT '',               -- to be faxed (IVR-07)
    for_agents    boolean NOT NULL DEFAULT true,
    for_ivr       boolean NOT NULL DEFAULT false,
    for_web       boolean NOT NULL DEFAULT false,
    secret        boolean NOT NULL DEFAULT false,
    valid_from    timestamptz,
    valid_to      timestamptz CHECK (valid_to > valid_from),
    review_on     date,
    steps         jsonb NOT NULL DEFAULT '[]',            -- of troubleshooting (KBA-10)
    ticket_id     bigint REFERENCES tickets (ticket_id),  -- whose result it is (KBA-05)
    editor        text NOT NULL,                          -- who wrote the newest version
    made_at       timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    released_at   timestamptz,
    released_by   text NOT NULL DEFAULT '',
    heading_words tsvector NOT NULL,                      -- of the title (A) and the terms (B)
    words         tsvector NOT NULL,                      -- of everything
    CHECK (NOT secret OR NOT (for_ivr OR for_web)),       -- KBA-12
    CHECK (kind <> 'announcement' OR (binding AND answer <> '' AND valid_from IS NOT NULL AND valid_to IS NOT NULL))      -- KBA-03
);
CREATE INDEX knowledge_entries_by_heading ON knowledge_entries USING gin (heading_words) WITH (fastupdate = off)
    WHERE state = 'released';
CREATE INDEX knowledge_entries_by_word ON knowledge_entries USING gin (words) WITH (fastupdate = off) WHERE state = 'released';
CREATE INDEX knowledge_entries_by_category ON knowledge_entries (category) WHERE state = 'released';
CREATE INDEX knowledge_entries_announced ON knowledge_entries (valid_to) WHERE state = 'released' AND kind = 'announcement';
CREATE INDEX knowledge_entries_by_owner ON knowledge_entries (owner_unit, changed_at);
CREATE INDEX knowledge_entries_by_review ON knowledge_entries (least(review_on, (valid_to AT TIME ZONE 'Asia/Shanghai')::date))
    WHERE state = 'released';
CREATE UNIQUE INDEX knowledge_entries_by_code ON knowledge_entries (code) WHERE code <> '' AND state = 'released';

CREATE TABLE knowledge_versions (
    entry_id uuid NOT NULL REFERENCES knowledge_entries (entry_id),
    version  integer NOT NULL,
    at       timestamptz NOT NULL,
    by       text NOT NULL,
    why      text NOT NULL DEFAULT '',
    restored integer,                                     -- the version that it is again
    content  jsonb NOT NULL,
    PRIMARY KEY (entry_id, version)
);

-- What was done with it beside writing: released, withdrawn.
CREATE TABLE knowledge_events (
    entry_id uuid NOT NULL REFERENCES knowledge_entries (entry_id),
    at       timestamptz NOT NULL,
    by       text NOT NULL,
    action   text NOT NULL CHECK (action IN ('released', 'withdrawn', 'reviewed')),
    version  integer NOT NULL,
    why      text NOT NULL DEFAULT ''
);
CREATE INDEX knowledge_events_by_entry ON knowledge_events (entry_id, at);

CREATE TABLE knowledge_usage (
    entry_id     uuid PRIMARY KEY REFERENCES knowledge_entries (entry_id),
    used         bigint NOT NULL DEFAULT 0,
    last_used_at timestamptz NOT NULL
) WITH (fillfactor = 70);

-- What was looked for and not found (KBA-09).
CREATE TABLE knowledge_misses (
    text       text PRIMARY KEY,
    missed     bigint NOT NULL DEFAULT 1,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    last_by    text NOT NULL,
    settled_at timestamptz,                               -- an entry was written, or none is wanted; missed again: open again
    settled_by text NOT NULL DEFAULT ''
);
CREATE INDEX knowledge_misses_open ON knowledge_misses (missed DESC) WHERE settled_at IS NULL;

-- Agents say that an entry is wrong (KBA-07).
CREATE TABLE knowledge_reports (
    report_id  uuid PRIMARY KEY,
    entry_id   uuid NOT NULL REFERENCES knowledge_entries (entry_id),
    version    integer NOT NULL,
    at         timestamptz NOT NULL,
    by         text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('wrong', 'outdated', 'unclear', 'incomplete')),
    text       text NOT NULL DEFAULT '',
    settled_at timestamptz,
    settled_by text NOT NULL DEFAULT '',
    note       text NOT NULL DEFAULT ''
);
CREATE INDEX knowledge_reports_open ON knowledge_reports (entry_id) WHERE settled_at IS NULL;

-- A row that an entry of the knowledge base put there is the knowledge base's: an import of the directory leaves it alone.
ALTER TABLE spoken_articles ADD COLUMN entry_id uuid UNIQUE REFERENCES knowledge_entries (entry_id);
ALTER TABLE announcements ADD COLUMN entry_id uuid UNIQUE REFERENCES knowledge_entries (entry_id);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON knowledge_entries, knowledge_reports, knowledge_misses FROM hotline;
        REVOKE UPDATE, DELETE ON knowledge_versions, knowledge_events FROM hotline;
    END IF;
END
$$;
