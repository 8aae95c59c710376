-- Undertaking units as a tree (GEN-14, GEN-15, ORG-06), the taxonomy (TAX-20, TAX-31), places (TKT-30), whom a matter is for (DSP-14).
-- What goes from a file of the directory is kept and ended: tickets name it.

ALTER TABLE units
    ADD COLUMN level              text NOT NULL DEFAULT ''
        CHECK (level IN ('', 'province', 'city', 'county', 'township', 'village', 'section')),
    ADD COLUMN is_territorial     boolean NOT NULL DEFAULT false,          -- a government: responsible for a territory (GEN-05)
    ADD COLUMN territories        text[] NOT NULL DEFAULT '{}',            -- codes; what begins with one belongs to it (371402, 371402003)
    ADD COLUMN handling_section   text NOT NULL DEFAULT '',
    ADD COLUMN responsible_leader text NOT NULL DEFAULT '',
    ADD COLUMN unit_group         text NOT NULL DEFAULT '',                -- for targets: bureaus, counties, companies
    ADD COLUMN active_from        date,
    ADD COLUMN active_to          date CHECK (active_to >= active_from),   -- the last day
    ADD COLUMN removed_at         timestamptz,                             -- the directory does not hold it any more
    ADD COLUMN path               text[] NOT NULL DEFAULT '{}';            -- from the root to the unit itself; kept by units_path
CREATE INDEX units_by_path ON units USING gin (path);

-- The whole tree again after each statement: some thousand units, changed some times a year.
CREATE FUNCTION units_path() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER units_path AFTER INSERT OR DELETE OR UPDATE OF parent ON units FOR EACH STATEMENT EXECUTE FUNCTION units_path();

-- The people of a unit (GEN-15, ORG-06 to ORG-08); deputy: A and B stand in for each other.
CREATE TABLE unit_staff (
    unit       text NOT NULL REFERENCES units (code) DEFERRABLE INITIALLY DEFERRED,
    name       text NOT NULL CHECK (name <> ''),
    role       text NOT NULL DEFAULT 'clerk' CHECK (role IN ('head', 'leader', 'clerk', 'contact')),
    deputy     text NOT NULL DEFAULT '' CHECK (deputy IN ('', 'A', 'B')),
    position   text NOT NULL DEFAULT '',
    duty       text NOT NULL DEFAULT '',                  -- what this person sees to
    number     text NOT NULL DEFAULT '',
    username   text NOT NULL DEFAULT '',                  -- of the account, when there is one
    removed_at timestamptz,
    PRIMARY KEY (unit, name)
);

-- The taxonomy (TAX-31): each import is a version, whole. A code is never given to something else.
CREATE TABLE taxonomy_versions (
    version    integer PRIMARY KEY CHECK (version > 0),
    valid_from date NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    made_by    text NOT NULL,
    file       text NOT NULL
);
CREATE INDEX taxonomy_versions_by_day ON taxonomy_versions (valid_from, version);
CREATE TABLE taxonomy_items (
    version    integer NOT NULL REFERENCES taxonomy_versions (version),
    code       text NOT NULL CHECK (code ~ '^[A-Z][A-Z0-9]{0,7}(\.[0-9]{2,3})?$'),
    parent     text NOT NULL DEFAULT '',
    scheme     text NOT NULL DEFAULT 'content',           -- content, or another line's own (TAX-07 to TAX-14)
    zh         text NOT NULL CHECK (zh <> ''),
    en         text NOT NULL CHECK (en <> ''),
    active     boolean NOT NULL,
    valid_from date,
    valid_to   date,
    units      text[] NOT NULL DEFAULT '{}',              -- by default for these (TAX-21)
    profiles   text[] NOT NULL DEFAULT '{}',              -- only in these cities; none: everywhere (TAX-20)
    words      text[] NOT NULL DEFAULT '{}',              -- what citizens say (TAX-13)
    PRIMARY KEY (version, code)
);

-- Controlled words (TKT-26).
CREATE TABLE subject_terms (
    term       text PRIMARY KEY CHECK (term <> ''),
    words      text[] NOT NULL DEFAULT '{}',              -- what else is said for it
    removed_at timestamptz
);

-- Streets, communities, estates and whose they are (TKT-30).
CREATE TABLE places (
    code      text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$'),
    name      text NOT NULL CHECK (name <> ''),
    kind      text NOT NULL CHECK (kind IN ('county', 'township', 'village', 'community', 'street', 'estate', 'landmark')),
    territory text NOT NULL CHECK (territory ~ '^[A-Za-z0-9]{1,20}$'),
    unit      text NOT NULL DEFAULT '',                   -- responsible: a township or a county; '': whoever has the territory
    words     text[] NOT NULL DEFAULT '{}',               -- other names
    note      text NOT NULL DEFAULT ''                    -- which house numbers
);
CREATE INDEX places_by_name ON places (name text_pattern_ops);
CREATE INDEX places_by_territory ON places (territory text_pattern_ops);

-- To whom matters of a kind go (LIF-23). '' in a condition: any.
CREATE TABLE dispatch_rules (
    rule_id    uuid PRIMARY KEY,
    category   text NOT NULL DEFAULT '',
    term       text NOT NULL DEFAULT '',
    territory  text NOT NULL DEFAULT '',
    words      text NOT NULL DEFAULT '',
    unit       text NOT NULL REFERENCES units (code),
    valid_from date NOT NULL,
    valid_to   date CHECK (valid_to >= valid_from),       -- the last day
    origin     text NOT NULL CHECK (origin IN ('office', 'consultation')),
    ticket_id  bigint REFERENCES tickets (ticket_id),     -- that was consulted about
    note       text NOT NULL DEFAULT '',
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    ended_by   text NOT NULL DEFAULT '',
    ended_at   timestamptz,
    CHECK (category || term || territory || words <> '')
);
CREATE INDEX dispatch_rules_open ON dispatch_rules (category) WHERE ended_at IS NULL;

-- What was suggested at each dispatch and what was chosen (DSP-14). rank: of the chosen unit; NULL: it was not suggested.
CREATE TABLE dispatch_suggestions (
    ticket_id bigint NOT NULL REFERENCES tickets (ticket_id),
    at        timestamptz NOT NULL,
    by        text NOT NULL,
    category  text NOT NULL,
    suggested jsonb NOT NULL CHECK (jsonb_typeof(suggested) = 'array'),
    chosen    text NOT NULL,
    rank      smallint,
    PRIMARY KEY (ticket_id, at)
);
CREATE INDEX dispatch_suggestions_by_time ON dispatch_suggestions (at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['unit_staff', 'taxonomy_versions', 'subject_terms', 'places'] LOOP
        EXECUTE format('CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION directory_changed()', t);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON units, unit_staff, subject_terms, dispatch_rules FROM hotline;
        REVOKE UPDATE, DELETE ON taxonomy_versions, taxonomy_items, dispatch_suggestions FROM hotline;
    END IF;
END
$$;
