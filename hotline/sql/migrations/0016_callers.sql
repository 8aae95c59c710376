-- Callers (来电人): TKT-12 to TKT-19, CAL-01 to CAL-15, IVR-24. One person, several numbers; several persons at one number. Who they are
-- is seen by the hotline's staff alone (hotline.viewer). And what a unit may see of its tickets (SEC-02, SEC-03, SEC-13).

CREATE TABLE callers (
    caller_id     uuid PRIMARY KEY,
    version       integer NOT NULL DEFAULT 1,
    name          text NOT NULL DEFAULT '',
    title         text NOT NULL DEFAULT '',
    workplace     text NOT NULL DEFAULT '',
    home_address  text NOT NULL DEFAULT '',
    special_group text NOT NULL DEFAULT '',               -- GEN-12
    note          text NOT NULL DEFAULT '',
    merged_into   uuid REFERENCES callers (caller_id) CHECK (merged_into <> caller_id),   -- the same person: nothing else moves
    made_at       timestamptz NOT NULL DEFAULT now(),
    made_by       text NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    updated_by    text NOT NULL
);
CREATE INDEX callers_by_name ON callers (name) WHERE name <> '';
CREATE INDEX callers_merged ON callers (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE caller_numbers (
    number     telephone_number NOT NULL CHECK (number <> ''),
    caller_id  uuid NOT NULL REFERENCES callers (caller_id),
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,                               -- not this person's any more
    PRIMARY KEY (number, caller_id)
);
CREATE INDEX caller_numbers_by_caller ON caller_numbers (caller_id);

CREATE TABLE caller_merges (
    merge_id  uuid PRIMARY KEY,
    kept      uuid NOT NULL REFERENCES callers (caller_id),
    gone      uuid NOT NULL REFERENCES callers (caller_id),
    at        timestamptz NOT NULL,
    by        text NOT NULL,
    reason    text NOT NULL DEFAULT '',
    undone_at timestamptz,
    undone_by text,
    CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE UNIQUE INDEX caller_merges_open ON caller_merges (gone) WHERE undone_at IS NULL;

-- A caller says that the accused side took revenge (CAL-14, SEC-07). Never shown to units.
CREATE TABLE retaliation_reports (
    report_id uuid PRIMARY KEY,
    ticket_id bigint NOT NULL REFERENCES tickets (ticket_id),
    at        timestamptz NOT NULL,
    by        text NOT NULL,
    said      text NOT NULL CHECK (said <> ''),
    against   text NOT NULL DEFAULT '',                   -- a unit or a person, in the caller's words
    node      text NOT NULL DEFAULT '',
    call_id   text NOT NULL DEFAULT '',
    closed_at timestamptz,
    closed_by text NOT NULL DEFAULT '',
    finding   text NOT NULL DEFAULT ''
);
CREATE INDEX retaliation_reports_by_ticket ON retaliation_reports (ticket_id, at);
CREATE INDEX retaliation_reports_open ON retaliation_reports (at) WHERE closed_at IS NULL;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['callers', 'caller_numbers', 'caller_merges', 'retaliation_reports'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY staff ON %I USING (current_setting(''hotline.viewer'', true) = ''staff'')'
                       ' WITH CHECK (current_setting(''hotline.viewer'', true) = ''staff'')', one);
    END LOOP;
END
$$;

CREATE INDEX ticket_identities_by_callback ON ticket_identities (callback_phone, ticket_id) WHERE callback_phone <> '';
CREATE INDEX ticket_identities_by_name ON ticket_identities (caller_name, ticket_id) WHERE caller_name <> '';
CREATE INDEX calls_by_caller ON calls (caller_number, started_at) WHERE caller_number <> '';

-- The unit for which a transaction looks (hotline.unit) with all that are below it (LIF-34), and with all that are above it.
CREATE FUNCTION viewing_units() RETURNS text[] LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN mine = '' THEN '{}' ELSE ARRAY[mine] || ARRAY(SELECT code FROM units WHERE path @> ARRAY[mine]) END
    FROM (SELECT coalesce(current_setting('hotline.unit', true), '')) AS viewer (mine)
$$;
CREATE FUNCTION viewing_units_above() RETURNS text[] LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT ARRAY[mine] || coalesce((SELECT path FROM units WHERE code = mine), '{}')
    FROM (SELECT coalesce(current_setting('hotline.unit', true), '')) AS viewer (mine)
$$;

-- The tasks by which a unit sees a ticket: not those that it gave back or that were taken from it, or from the unit above it.
CREATE VIEW unit_ticket_tasks WITH (security_barrier = true) AS
SELECT k.task_id, k.ticket_id, k.unit, k.kind, k.given_at, k.note, k.contact, k.phone, k.received_at, k.first_contact_at, k.opinion,
       k.ended_at, k.ended_by, k.stop_confirmed_at
FROM ticket_tasks AS k
WHERE k.unit = ANY ((SELECT viewing_units())::text[]) AND k.ended_by NOT IN ('returned', 'recalled')
  AND (k.above IS NULL
       OR EXISTS (SELECT FROM ticket_tasks AS a WHERE a.task_id = k.above AND a.ended_by NOT IN ('returned', 'recalled')));

-- What a unit may know of a ticket. Nothing of one in which it, or a unit above it, is accused (SEC-02, CNF-31); where the citizen
-- wants anything hidden, nothing that leads to another ticket of the same person, to the call, or to the office that sent it.
CREATE VIEW unit_tickets WITH (security_barrier = true) AS
SELECT t.ticket_id, t.version, t.channel, t.state, t.profile, t.made_at, t.updated_at, t.content, t.event_time, t.event_place,
       t.persons, t.demand, t.nature, t.category, t.related_category, t.taxonomy_version, t.subject_terms, t.territory,
       CASE WHEN t.hidden = '{}' THEN t.special_group ELSE '' END AS special_group, t.service_mode, t.reply_wanted, t.hidden, t.anonymous,
       t.urgent, t.leader_event, t.leader_item, t.green_channel, t.service_complaint,
       CASE WHEN t.hidden = '{}' THEN t.upstream_system ELSE '' END AS upstream_system,
       CASE WHEN t.hidden = '{}' THEN t.upstream_no ELSE '' END AS upstream_no,
       t.regulatory_due_at, t.handling_mode, t.item_kind, t.lead_unit, t.co_units, t.dispatched_at, t.received_at, t.due_at,
       t.promised_at, t.replied_at, t.process_satisfaction, t.result_satisfaction, t.solved, t.reasonable, t.closing_ground, t.closed_at,
       t.archived_at,
       CASE WHEN t.hidden = '{}' THEN t.parent_id END AS parent_id,
       CASE WHEN t.hidden = '{}' THEN t.merged_into END AS merged_into,
       CASE WHEN t.hidden = '{}' THEN t.report_again_of END AS report_again_of
FROM tickets AS t
WHERE EXISTS (SELECT FROM unit_ticket_tasks AS k WHERE k.ticket_id = t.ticket_id)
  AND NOT (t.accused_unit <> '' AND (t.nature IS NOT DISTINCT FROM 'report' OR t.misconduct)
           AND t.accused_unit = ANY ((SELECT viewing_units_above())::text[]));

-- Who the citizen is, as far as the citizen allows it (TKT-13, TKT-14, SEC-08), and as long as the unit works on it.
CREATE VIEW unit_ticket_identities WITH (security_barrier = true) AS
SELECT t.ticket_id,
       CASE WHEN t.hidden && '{name}' THEN '' ELSE i.caller_name END AS caller_name,
       CASE WHEN t.hidden && '{name}' THEN '' ELSE i.caller_title END AS caller_title,
       CASE WHEN t.hidden && '{workplace}' THEN '' ELSE i.workplace END AS workplace,
       CASE WHEN t.hidden && '{workplace}' THEN '' ELSE i.home_address END AS home_address,
       CASE WHEN t.hidden && '{phone}' THEN '' ELSE i.caller_phone::text END AS caller_phone,
       CASE WHEN t.hidden && '{phone}' THEN '' ELSE i.callback_phone::text END AS callback_phone
FROM unit_tickets AS t JOIN ticket_identities AS i ON i.ticket_id = t.ticket_id
WHERE NOT t.hidden && '{all}'
  AND EXISTS (SELECT FROM unit_ticket_tasks AS k WHERE k.ticket_id = t.ticket_id AND k.ended_by IN ('', 'replied', 'redo'));

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON callers, caller_numbers, caller_merges, retaliation_reports FROM hotline;
        REVOKE INSERT, UPDATE, DELETE ON unit_ticket_tasks, unit_tickets, unit_ticket_identities FROM hotline;
    END IF;
END
$$;
