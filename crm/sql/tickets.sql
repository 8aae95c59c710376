-- Tickets: their numbers, their rows, and what is kept beside them. Values come as JSON with the columns' names, of structs.

-- name: next_number
INSERT INTO ticket_days AS days (day, last) VALUES ($1, 1) ON CONFLICT (day) DO UPDATE SET last = days.last + 1 RETURNING last

-- name: lock
-- Several are locked in the order of their ids, so that two who want the same do not wait for each other.
SELECT ticket_id, version, accept_agent FROM tickets WHERE ticket_id = ANY ($1::bigint[]) ORDER BY ticket_id FOR UPDATE

-- name: load
-- What is counted beside it belongs to it. Attempts to reach the citizen are those since the last reply.
SELECT (to_jsonb(t) || to_jsonb(counted))::text
FROM tickets AS t, LATERAL (
    SELECT
        (SELECT count(*) FROM ticket_requests AS r WHERE r.ticket_id = t.ticket_id AND r.kind = 'extension' AND r.approved)
            AS extensions,
        (SELECT count(*) FROM ticket_requests AS r WHERE r.ticket_id = t.ticket_id AND r.kind = 'second_extension' AND r.approved)
            AS special_extensions,
        EXISTS (SELECT FROM ticket_requests AS r
                WHERE r.ticket_id = t.ticket_id AND r.decided_at IS NULL AND r.endorsed_at IS NOT NULL) AS endorsed,
        (SELECT count(*) FROM ticket_events AS e WHERE e.ticket_id = t.ticket_id AND e.action = 'send_redo') AS redos,
        tried.attempts, tried.last_attempt_at, tried.callbacks_done,
        ticket_has_identity(t.ticket_id) AS has_identity,
        (SELECT count(*) FROM ticket_supervisions AS s
         WHERE s.ticket_id = t.ticket_id AND s.ended_at IS NULL AND s.kind <> 'plan') AS open_supervisions
    FROM (
        SELECT count(*) FILTER (WHERE NOT reached AND at >= since.last) AS attempts,
               max(at) FILTER (WHERE NOT reached AND at >= since.last) AS last_attempt_at,
               count(*) FILTER (WHERE reached) AS callbacks_done
        FROM ticket_callbacks AS b, (SELECT coalesce(t.replied_at, '-infinity') AS last) AS since
        WHERE b.ticket_id = t.ticket_id
    ) AS tried
) AS counted
WHERE t.ticket_id = $1

-- name: beside
-- Everything beside it that a decision wants to know.
SELECT jsonb_build_object(
    'tasks', (SELECT coalesce(jsonb_agg(to_jsonb(k) ORDER BY k.given_at, k.task_id), '[]')
              FROM ticket_tasks AS k WHERE k.ticket_id = $1),
    'request', (SELECT to_jsonb(r) FROM ticket_requests AS r WHERE r.ticket_id = $1 AND r.decided_at IS NULL),
    'proposed', (SELECT to_jsonb(p) FROM ticket_replies AS p WHERE p.ticket_id = $1 ORDER BY p.at DESC, p.reply_id DESC LIMIT 1),
    'supervisions', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'supervision_id', s.supervision_id, 'addressee', s.addressee, 'answered', s.answered_at IS NOT NULL,
            'answer_due_at', s.answer_due_at
        ) ORDER BY s.at, s.supervision_id), '[]')
        FROM ticket_supervisions AS s WHERE s.ticket_id = $1 AND s.ended_at IS NULL AND s.kind <> 'plan'
    ),
    'has_children', EXISTS (SELECT FROM tickets AS c WHERE c.parent_id = $1),
    'extended_days', (SELECT coalesce(sum(r.days), 0) FROM ticket_requests AS r
                      WHERE r.ticket_id = $1 AND r.approved AND r.kind <> 'return'),
    'attachments', (SELECT coalesce(jsonb_agg(DISTINCT a.kind), '[]') FROM ticket_attachments AS a
                    WHERE a.ticket_id = $1 AND a.withdrawn_at IS NULL),
    'service_steps', (SELECT coalesce(jsonb_agg(e.detail ->> 'step' ORDER BY e.seq), '[]') FROM ticket_events AS e
                      WHERE e.ticket_id = $1 AND e.action = 'service_step'),
    'return_due_at', (SELECT c.due_at FROM ticket_clocks AS c WHERE c.ticket_id = $1 AND c.kind = 'return' AND c.stopped_at IS NULL
                      ORDER BY c.round DESC LIMIT 1)
)::text

-- name: reply_sent
SELECT (to_jsonb(p) - 'ticket_id')::text FROM ticket_replies AS p
WHERE p.ticket_id = $1 AND p.state = 'sent' AND p.kind = 'final' ORDER BY p.at DESC, p.reply_id DESC LIMIT 1

-- name: below
-- Those that hang under $1 and are not over.
SELECT ticket_id FROM tickets
WHERE parent_id = $1 AND state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived') ORDER BY ticket_id

-- name: taxonomy
-- $1 the day, $2 classes: the version in force, and whether all are leaves of it (TAX-21). With no taxonomy nothing is unknown.
SELECT v.version, NOT EXISTS (
    SELECT FROM unnest($2::text[]) AS wanted (code)
    WHERE v.version > 0
      AND NOT EXISTS (
          SELECT FROM taxonomy_items AS i
          WHERE i.version = v.version AND i.code = wanted.code AND i.active AND i.scheme = 'content' AND i.parent <> ''
            AND coalesce(i.valid_from <= $1, true) AND coalesce(i.valid_to >= $1, true)
      )
) AS known
FROM (SELECT coalesce((
    SELECT version FROM taxonomy_versions WHERE valid_from <= $1 ORDER BY valid_from DESC, version DESC LIMIT 1
), 0) AS version) AS v

-- name: changes_since
-- What was done to $1 after version $2, the newest first.
SELECT seq, at, actor, action, ARRAY(SELECT jsonb_object_keys(
    CASE WHEN jsonb_typeof(detail -> 'changed') = 'object' THEN detail -> 'changed' ELSE '{}' END
)) AS fields
FROM ticket_events WHERE ticket_id = $1 AND seq > $2 ORDER BY seq DESC LIMIT 20

-- name: told
SELECT pg_notify('tickets', $1)

-- name: chain
-- The tickets that $1 was merged into or hangs under, up to the last.
WITH RECURSIVE above (ticket_id, depth) AS (
    SELECT coalesce(merged_into, parent_id), 1 FROM tickets WHERE ticket_id = $1
    UNION
    SELECT coalesce(t.merged_into, t.parent_id), above.depth + 1
    FROM above JOIN tickets AS t ON t.ticket_id = above.ticket_id WHERE above.depth < 50
)
SELECT ticket_id FROM above WHERE ticket_id IS NOT NULL ORDER BY depth

-- name: holding
-- The units that it is with, and those above them (LIF-34): open tasks, the lead's after its reply, a stop that is not confirmed
-- (LIF-30). Nothing for a unit that may not know of it (SEC-02): hotline.unit is set.
WITH holding AS (
    SELECT k.unit FROM ticket_tasks AS k JOIN tickets AS t USING (ticket_id)
    WHERE k.ticket_id = $1 AND EXISTS (SELECT FROM unit_tickets AS seen WHERE seen.ticket_id = $1) AND (
        k.ended_at IS NULL
        OR (k.ended_by IN ('replied', 'redo') AND k.unit = t.lead_unit)
        OR (k.ended_by = 'withdrawn' AND k.stop_confirmed_at IS NULL)
    )
)
SELECT unit FROM holding UNION SELECT unnest(u.path) FROM units AS u JOIN holding AS h ON h.unit = u.code

-- name: units
SELECT u.code, u.removed_at IS NULL AND coalesce(u.active_from <= $2, true) AND coalesce(u.active_to >= $2, true) AS active,
       u.path[:cardinality(u.path) - 1] AS above, coalesce(s.name, '') AS contact,
       coalesce(nullif(s.number, ''), u.numbers -> 0 ->> 'number') AS phone
FROM units AS u LEFT JOIN LATERAL (
    SELECT name, number FROM unit_staff AS s WHERE s.unit = u.code AND s.removed_at IS NULL
    ORDER BY array_position('{contact,clerk,leader,head}'::text[], s.role), array_position('{A,B,""}'::text[], s.deputy), s.name
    LIMIT 1
) AS s ON true
WHERE u.code = ANY ($1::text[])

-- name: add
INSERT INTO tickets (
    ticket_id, version, channel, state, before, profile, made_at, made_by, accept_agent, assign_agent, node, call_id,
    content, event_time, event_place, persons, demand, nature, category, related_category, taxonomy_version,
    subject_terms, territory, special_group, service_mode, reply_wanted, hidden, anonymous, urgent, leader_event,
    leader_item, green_channel, service_complaint, misconduct, untrue, publishable, accused_unit, upstream_system,
    upstream_no, upstream_due_at, regulatory_due_at, handling_mode, item_kind, lead_unit, co_units, doubt, released,
    dispatched_at, received_at, due_at, promised_at, replied_at, answer_case, answer, reject_reason,
    process_satisfaction, result_satisfaction, solved, reasonable, closing_ground, reviewed_at, closed_at, archived_at,
    parent_id, merged_into, report_again_of, updated_at
)
SELECT
    r.ticket_id, r.version, r.channel, r.state, r.before, r.profile, r.made_at, r.made_by, r.accept_agent,
    r.assign_agent, r.node, r.call_id, r.content, r.event_time, r.event_place, r.persons, r.demand, r.nature,
    r.category, r.related_category, r.taxonomy_version, r.subject_terms, r.territory, r.special_group, r.service_mode,
    r.reply_wanted, r.hidden, r.anonymous, r.urgent, r.leader_event, r.leader_item, r.green_channel,
    r.service_complaint, r.misconduct, r.untrue, r.publishable, r.accused_unit, r.upstream_system, r.upstream_no,
    r.upstream_due_at, r.regulatory_due_at, r.handling_mode, r.item_kind, r.lead_unit, r.co_units, r.doubt, r.released,
    r.dispatched_at, r.received_at, r.due_at, r.promised_at, r.replied_at, r.answer_case, r.answer, r.reject_reason,
    r.process_satisfaction, r.result_satisfaction, r.solved, r.reasonable, r.closing_ground, r.reviewed_at, r.closed_at,
    r.archived_at, r.parent_id, r.merged_into, r.report_again_of, r.made_at
FROM jsonb_populate_record(NULL::tickets, $1::jsonb) AS r

-- name: save
-- $2 the values that change, $3 the version that is changed, $4 when. No row: somebody else was quicker.
UPDATE tickets AS t SET version = t.version + 1, updated_at = $4, (
    state, before, profile, accept_agent, assign_agent, node, call_id, content, event_time, event_place, persons,
    demand, nature, category, related_category, taxonomy_version, subject_terms, territory, special_group, service_mode,
    reply_wanted, hidden, anonymous, urgent, leader_event, leader_item, green_channel, service_complaint, misconduct,
    untrue, publishable, accused_unit, upstream_system, upstream_no, upstream_due_at, regulatory_due_at, handling_mode,
    item_kind, lead_unit, co_units, doubt, released, dispatched_at, received_at, due_at, promised_at, replied_at,
    answer_case, answer, reject_reason, process_satisfaction, result_satisfaction, solved, reasonable, closing_ground,
    reviewed_at, closed_at, archived_at, parent_id, merged_into, report_again_of
) = (
    SELECT
    r.state, r.before, r.profile, r.accept_agent, r.assign_agent, r.node, r.call_id, r.content, r.event_time,
    r.event_place, r.persons, r.demand, r.nature, r.category, r.related_category, r.taxonomy_version, r.subject_terms,
    r.territory, r.special_group, r.service_mode, r.reply_wanted, r.hidden, r.anonymous, r.urgent, r.leader_event,
    r.leader_item, r.green_channel, r.service_complaint, r.misconduct, r.untrue, r.publishable, r.accused_unit,
    r.upstream_system, r.upstream_no, r.upstream_due_at, r.regulatory_due_at, r.handling_mode, r.item_kind, r.lead_unit,
    r.co_units, r.doubt, r.released, r.dispatched_at, r.received_at, r.due_at, r.promised_at, r.replied_at,
    r.answer_case, r.answer, r.reject_reason, r.process_satisfaction, r.result_satisfaction, r.solved, r.reasonable,
    r.closing_ground, r.reviewed_at, r.closed_at, r.archived_at, r.parent_id, r.merged_into, r.report_again_of
    FROM jsonb_populate_record(t, $2::jsonb) AS r
)
WHERE t.ticket_id = $1 AND t.version = $3 RETURNING t.version

-- name: put_identity
-- Values that are not given stay.
INSERT INTO ticket_identities AS known
SELECT (jsonb_populate_record(coalesce(
    (SELECT i FROM ticket_identities AS i WHERE i.ticket_id = $1), ROW ($1, NULL, '', '', '', '', '', '', '')::ticket_identities
), $2::jsonb)).*
ON CONFLICT (ticket_id) DO UPDATE SET
    caller_id = excluded.caller_id, caller_name = excluded.caller_name, caller_title = excluded.caller_title,
    workplace = excluded.workplace, home_address = excluded.home_address, caller_phone = excluded.caller_phone,
    calling_number = excluded.calling_number, callback_phone = excluded.callback_phone

-- name: identity
SELECT to_jsonb(i)::text FROM ticket_identities AS i WHERE i.ticket_id = $1

-- name: add_event
INSERT INTO ticket_events (ticket_id, seq, at, actor, role, action, from_state, to_state, reason, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)

-- name: add_tasks
INSERT INTO ticket_tasks (
    ticket_id, task_id, unit, kind, given_by, above, given_at, note, contact, phone, received_at, first_contact_at,
    opinion, ended_at, ended_by, stop_confirmed_at
)
SELECT
    r.ticket_id, r.task_id, r.unit, r.kind, r.given_by, r.above, r.given_at, r.note, r.contact, r.phone, r.received_at,
    r.first_contact_at, r.opinion, r.ended_at, r.ended_by, r.stop_confirmed_at
FROM jsonb_populate_record(NULL::ticket_tasks, $1::jsonb) AS r

-- name: complete_tasks
-- The newest one that has the values of $3.
UPDATE ticket_tasks AS t SET (
    unit, kind, given_by, above, given_at, note, contact, phone, received_at, first_contact_at, opinion, ended_at,
    ended_by, stop_confirmed_at
) = (
    SELECT
    r.unit, r.kind, r.given_by, r.above, r.given_at, r.note, r.contact, r.phone, r.received_at, r.first_contact_at,
    r.opinion, r.ended_at, r.ended_by, r.stop_confirmed_at
    FROM jsonb_populate_record(t, $2::jsonb) AS r
)
WHERE t.task_id = (
    SELECT o.task_id FROM ticket_tasks AS o
    WHERE o.ticket_id = $1 AND to_jsonb(o) @> $3::jsonb
    ORDER BY o.given_at DESC, o.task_id DESC LIMIT 1
)
RETURNING true

-- name: add_requests
INSERT INTO ticket_requests (
    ticket_id, request_id, kind, unit, asked_at, asked_by, reason, days, suggested, late, signed_by, endorsed_at,
    endorsed_by, decided_at, decided_by, approved, opinion, old_due_at, new_due_at
)
SELECT
    r.ticket_id, r.request_id, r.kind, r.unit, r.asked_at, r.asked_by, r.reason, r.days, r.suggested, r.late,
    r.signed_by, r.endorsed_at, r.endorsed_by, r.decided_at, r.decided_by, r.approved, r.opinion, r.old_due_at,
    r.new_due_at
FROM jsonb_populate_record(NULL::ticket_requests, $1::jsonb) AS r

-- name: complete_requests
-- The newest one that has the values of $3.
UPDATE ticket_requests AS t SET (
    kind, unit, asked_at, asked_by, reason, days, suggested, late, signed_by, endorsed_at, endorsed_by, decided_at,
    decided_by, approved, opinion, old_due_at, new_due_at
) = (
    SELECT
    r.kind, r.unit, r.asked_at, r.asked_by, r.reason, r.days, r.suggested, r.late, r.signed_by, r.endorsed_at,
    r.endorsed_by, r.decided_at, r.decided_by, r.approved, r.opinion, r.old_due_at, r.new_due_at
    FROM jsonb_populate_record(t, $2::jsonb) AS r
)
WHERE t.request_id = (
    SELECT o.request_id FROM ticket_requests AS o
    WHERE o.ticket_id = $1 AND to_jsonb(o) @> $3::jsonb
    ORDER BY o.asked_at DESC, o.request_id DESC LIMIT 1
)
RETURNING true

-- name: add_replies
INSERT INTO ticket_replies (
    ticket_id, reply_id, unit, at, by, kind, basis, reasons, policy, time_limit, analysis, present_state, result,
    opinions, is_true, solvable, outcome, planned_on, citizen_told, told_at, approved_by, approved_at, head_signed,
    state, opinion, warnings
)
SELECT
    r.ticket_id, r.reply_id, r.unit, r.at, r.by, r.kind, r.basis, r.reasons, r.policy, r.time_limit, r.analysis,
    r.present_state, r.result, r.opinions, r.is_true, r.solvable, r.outcome, r.planned_on, r.citizen_told, r.told_at,
    r.approved_by, r.approved_at, r.head_signed, r.state, r.opinion, r.warnings
FROM jsonb_populate_record(NULL::ticket_replies, $1::jsonb) AS r

-- name: complete_replies
-- The newest one that has the values of $3.
UPDATE ticket_replies AS t SET (
    unit, at, by, kind, basis, reasons, policy, time_limit, analysis, present_state, result, opinions, is_true,
    solvable, outcome, planned_on, citizen_told, told_at, approved_by, approved_at, head_signed, state, opinion,
    warnings
) = (
    SELECT
    r.unit, r.at, r.by, r.kind, r.basis, r.reasons, r.policy, r.time_limit, r.analysis, r.present_state, r.result,
    r.opinions, r.is_true, r.solvable, r.outcome, r.planned_on, r.citizen_told, r.told_at, r.approved_by, r.approved_at,
    r.head_signed, r.state, r.opinion, r.warnings
    FROM jsonb_populate_record(t, $2::jsonb) AS r
)
WHERE t.reply_id = (
    SELECT o.reply_id FROM ticket_replies AS o
    WHERE o.ticket_id = $1 AND to_jsonb(o) @> $3::jsonb
    ORDER BY o.at DESC, o.reply_id DESC LIMIT 1
)
RETURNING true

-- name: add_callbacks
INSERT INTO ticket_callbacks (
    ticket_id, callback_id, at, by, reached, on_call, node, call_id, unit_replied, process_satisfaction,
    result_satisfaction, solved, reasonable, reason, opinions, verified
)
SELECT
    r.ticket_id, r.callback_id, r.at, r.by, r.reached, r.on_call, r.node, r.call_id, r.unit_replied,
    r.process_satisfaction, r.result_satisfaction, r.solved, r.reasonable, r.reason, r.opinions, r.verified
FROM jsonb_populate_record(NULL::ticket_callbacks, $1::jsonb) AS r

-- name: add_supervisions
INSERT INTO ticket_supervisions (
    ticket_id, supervision_id, at, mode, kind, level, by, addressee, demand, answer_due_at, answered_at, answered_by,
    answer, ended_at, result
)
SELECT
    r.ticket_id, r.supervision_id, r.at, r.mode, r.kind, r.level, r.by, r.addressee, r.demand, r.answer_due_at,
    r.answered_at, r.answered_by, r.answer, r.ended_at, r.result
FROM jsonb_populate_record(NULL::ticket_supervisions, $1::jsonb) AS r

-- name: complete_supervisions
-- The newest one that has the values of $3.
UPDATE ticket_supervisions AS t SET (
    at, mode, kind, level, by, addressee, demand, answer_due_at, answered_at, answered_by, answer, ended_at, result
) = (
    SELECT
    r.at, r.mode, r.kind, r.level, r.by, r.addressee, r.demand, r.answer_due_at, r.answered_at, r.answered_by, r.answer,
    r.ended_at, r.result
    FROM jsonb_populate_record(t, $2::jsonb) AS r
)
WHERE t.supervision_id = (
    SELECT o.supervision_id FROM ticket_supervisions AS o
    WHERE o.ticket_id = $1 AND to_jsonb(o) @> $3::jsonb
    ORDER BY o.at DESC, o.supervision_id DESC LIMIT 1
)
RETURNING true

-- name: add_papers
INSERT INTO ticket_papers (
    ticket_id, paper_id, kind, at, by, text, unit, due_at, detail, seen_at
)
SELECT
    r.ticket_id, r.paper_id, r.kind, r.at, r.by, r.text, r.unit, r.due_at, r.detail, r.seen_at
FROM jsonb_populate_record(NULL::ticket_papers, $1::jsonb) AS r

-- name: complete_papers
-- The newest one that has the values of $3 was seen: nothing else of a paper ever changes (ESC-11).
UPDATE ticket_papers AS t SET seen_at = ($2::jsonb ->> 'seen_at')::timestamptz
WHERE t.paper_id = (
    SELECT o.paper_id FROM ticket_papers AS o
    WHERE o.ticket_id = $1 AND to_jsonb(o) @> $3::jsonb
    ORDER BY o.at DESC, o.paper_id DESC LIMIT 1
)
RETURNING true

-- name: add_contacts
INSERT INTO ticket_contacts (
    ticket_id, contact_id, at, channel, kind, node, call_id, number, note, by, source
)
SELECT
    r.ticket_id, r.contact_id, r.at, r.channel, r.kind, r.node, r.call_id, r.number, r.note, r.by, r.source
FROM jsonb_populate_record(NULL::ticket_contacts, $1::jsonb) AS r

-- name: call
SELECT node, caller_number, started_at, menu_path, queue, agent, disposition FROM calls WHERE node = $1 AND call_id = $2

-- name: message
SELECT node, call_id, caller_number, left_at, reason, kind FROM messages WHERE message_id = $1

-- name: alone
-- Who opens a ticket of the same source waits until this transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended($1, 20261122))

-- name: opened_before
-- $1 source, $2 and $3 upstream system and number, $4 and $5 node and call; '' where it is not asked.
SELECT t.ticket_id, t.channel, found.how FROM (
    SELECT c.ticket_id, 'source' AS how FROM ticket_contacts AS c WHERE c.source = $1 AND $1 <> ''
    UNION ALL
    SELECT u.ticket_id, 'upstream' FROM tickets AS u WHERE u.upstream_system = $2 AND u.upstream_no = $3 AND $3 <> ''
    UNION ALL
    SELECT c.ticket_id, 'call' FROM tickets AS c WHERE c.node = $4 AND c.call_id = $5 AND $5 <> ''
) AS found JOIN tickets AS t ON t.ticket_id = found.ticket_id
ORDER BY found.how DESC, t.ticket_id LIMIT 1

-- name: seen_by_unit
-- What the unit of hotline.unit may see of it; no row: nothing.
SELECT to_jsonb(t)::text AS ticket, to_jsonb(i)::text AS identity
FROM unit_tickets AS t LEFT JOIN unit_ticket_identities AS i ON i.ticket_id = t.ticket_id
WHERE t.ticket_id = $1

-- name: plain_to_unit
-- Which of these the unit of hotline.unit may see, and whose citizen hides nothing.
SELECT ticket_id FROM unit_tickets WHERE ticket_id = ANY ($1::bigint[]) AND hidden = '{}'

-- name: shown
SELECT jsonb_build_object(
    'call', (
        SELECT jsonb_build_object('node', t.node, 'call_id', t.call_id, 'started_at', c.started_at, 'ended_at', c.ended_at,
            'menu_path', coalesce(c.menu_path, ''), 'agent', coalesce(c.agent, ''), 'disposition', coalesce(c.disposition, ''),
            'recordings', (SELECT coalesce(jsonb_agg(r.recording_id ORDER BY r.recording_id), '[]')
                           FROM recordings AS r WHERE r.node = t.node AND r.call_id = t.call_id))
        FROM tickets AS t LEFT JOIN calls AS c ON c.node = t.node AND c.call_id = t.call_id
        WHERE t.ticket_id = $1 AND t.call_id <> ''
    ),
    'tasks', (SELECT coalesce(jsonb_agg(to_jsonb(k) - 'ticket_id' ORDER BY k.given_at, k.task_id), '[]')
              FROM ticket_tasks AS k WHERE k.ticket_id = $1),
    'requests', (SELECT coalesce(jsonb_agg(to_jsonb(r) - 'ticket_id' ORDER BY r.asked_at, r.request_id), '[]')
                 FROM ticket_requests AS r WHERE r.ticket_id = $1),
    -- TKT-18: a unit answers once, on the ticket above, and its answer is each caller's.
    'replies', (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'ticket_id' ORDER BY p.at, p.reply_id), '[]') FROM ticket_replies AS p
                WHERE p.ticket_id = $1
                   OR (p.ticket_id = (SELECT parent_id FROM tickets WHERE ticket_id = $1) AND p.state = 'sent'
                       AND NOT EXISTS (SELECT FROM ticket_replies AS own WHERE own.ticket_id = $1 AND own.state = 'sent'))),
    'callbacks', (SELECT coalesce(jsonb_agg(to_jsonb(b) - 'ticket_id' ORDER BY b.at, b.callback_id), '[]')
                  FROM ticket_callbacks AS b WHERE b.ticket_id = $1),
    'supervisions', (SELECT coalesce(jsonb_agg(to_jsonb(s) - 'ticket_id' ORDER BY s.at, s.supervision_id), '[]')
                     FROM ticket_supervisions AS s WHERE s.ticket_id = $1),
    'papers', (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'ticket_id' ORDER BY p.at, p.paper_id), '[]')
               FROM ticket_papers AS p WHERE p.ticket_id = $1),
    'attachments', (SELECT coalesce(jsonb_agg(to_jsonb(a) - 'ticket_id' ORDER BY a.at, a.attachment_id), '[]')
                    FROM ticket_attachments AS a WHERE a.ticket_id = $1 AND a.withdrawn_at IS NULL),
    'related', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('ticket_id', r.ticket_id, 'channel', r.channel, 'how', r.how, 'state', r.state)
                                  ORDER BY r.how, r.ticket_id), '[]')
        FROM (
            SELECT o.ticket_id, o.channel, o.state, 'above' AS how FROM tickets AS t JOIN tickets AS o ON o.ticket_id = t.parent_id
            WHERE t.ticket_id = $1
            UNION ALL
            (SELECT ticket_id, channel, state, 'below' FROM tickets WHERE parent_id = $1 ORDER BY ticket_id LIMIT 200)
            UNION ALL
            SELECT o.ticket_id, o.channel, o.state, 'merged_into' FROM tickets AS t JOIN tickets AS o ON o.ticket_id = t.merged_into
            WHERE t.ticket_id = $1
            UNION ALL
            (SELECT ticket_id, channel, state, 'merged' FROM tickets WHERE merged_into = $1 ORDER BY ticket_id LIMIT 200)
            UNION ALL
            SELECT o.ticket_id, o.channel, o.state, 'report_again_of'
            FROM tickets AS t JOIN tickets AS o ON o.ticket_id = t.report_again_of WHERE t.ticket_id = $1
            UNION ALL
            (SELECT ticket_id, channel, state, 'reported_again' FROM tickets WHERE report_again_of = $1
             ORDER BY ticket_id LIMIT 200)
        ) AS r
    )
)::text

-- name: history
-- $1 the ticket, $2 before which line (NULL: from the newest), $3 how many.
SELECT seq, at, actor, role, action, from_state, to_state, reason, detail::text FROM ticket_events
WHERE ticket_id = $1 AND ($2::int IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3

-- name: contacts
SELECT contact_id, at, channel, kind, node, call_id, number::text, note, by, source FROM ticket_contacts
WHERE ticket_id = $1 ORDER BY at DESC, contact_id LIMIT $2

-- name: add_attachment
INSERT INTO ticket_attachments (ticket_id, attachment_id, at, by, unit, name, media_type, bytes, kind, for_units, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: attachment
SELECT attachment_id, at, by, unit, name, media_type, bytes, kind, for_units, sha256 FROM ticket_attachments
WHERE ticket_id = $1 AND attachment_id = $2 AND withdrawn_at IS NULL

-- name: withdraw_attachment
UPDATE ticket_attachments SET withdrawn_at = $2 WHERE attachment_id = $1

-- name: contact_known
SELECT EXISTS (SELECT FROM ticket_contacts WHERE source = $1)
