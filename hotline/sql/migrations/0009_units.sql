-- Undertaking units and ticket drafts.

-- Undertaking units (TWC-07). numbers: what can be dialled, in the office's order, hotline/directory/kinds.py, UnitNumber.
CREATE TABLE units (
    code       text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$'),
    name       text NOT NULL CHECK (name <> ''),
    name_en    text NOT NULL DEFAULT '',
    parent     text REFERENCES units (code) DEFERRABLE INITIALLY DEFERRED CHECK (parent <> code),   -- NULL: nobody above it
    keywords   text[] NOT NULL DEFAULT '{}',
    categories text[] NOT NULL DEFAULT '{}',              -- C1 for a whole class of the taxonomy, C1/路灯 for a part of it
    competence text NOT NULL DEFAULT '',
    numbers    jsonb NOT NULL CHECK (jsonb_typeof(numbers) = 'array' AND jsonb_array_length(numbers) > 0)
);
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON units
    FOR EACH STATEMENT EXECUTE FUNCTION directory_changed();

-- What is left to do after a call, until a ticket is made of it (TWC-05, TWC-08, TWC-15). One of a call and its three-way call.
CREATE TABLE ticket_drafts (
    draft_id          uuid PRIMARY KEY,
    node              text NOT NULL,
    call_id           text NOT NULL,
    threeway_id       text NOT NULL DEFAULT '',           -- '': there was no three-way call
    caller            text NOT NULL DEFAULT '',           -- the number that called
    contact_number    text NOT NULL DEFAULT '',           -- where the citizen wants to be reached
    unit              text NOT NULL DEFAULT '',           -- its code and name then: a unit may go from the directory
    unit_name         text NOT NULL DEFAULT '',
    question          text NOT NULL DEFAULT '',
    consent           boolean,                            -- NULL: was not asked
    attempts          jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(attempts) = 'array'),
    joined_at         timestamptz,                        -- the caller and the unit could talk
    end_order         text NOT NULL DEFAULT '',           -- who left, in that order: unit,caller
    outcome           text NOT NULL CHECK (outcome IN ('answered', 'not_competent', 'declined', 'unreachable', 'caller_left',
                                                       'no_consent', 'failed', 'cancelled')),
    further_questions text NOT NULL DEFAULT '',
    made_by           text NOT NULL CHECK (made_by <> ''),
    made_at           timestamptz NOT NULL,
    taken_at          timestamptz,                        -- NULL: no ticket has been made of it yet
    UNIQUE (node, call_id, threeway_id)
);
CREATE INDEX ticket_drafts_open ON ticket_drafts (made_at) WHERE taken_at IS NULL;
CREATE INDEX ticket_drafts_by_maker ON ticket_drafts (made_by, made_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON ticket_drafts FROM hotline;
    END IF;
END
$$;
