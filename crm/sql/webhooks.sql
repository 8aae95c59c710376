-- Webhooks: what is to be told, to whom, and what became of it.

-- name: note
-- $1 ticket, $2 action, $3 body. One delivery for each subscription that wants it; those that are paused get it later.
INSERT INTO webhook_deliveries (subscription_id, ticket_id, event, body)
SELECT subscription_id, $1, $2, $3 FROM webhook_subscriptions
WHERE state <> 'ended' AND (events = '{}' OR $2 = ANY (events))

-- name: take
-- What may be sent now, at most $1 at once to each receiver: of a ticket only the first, so that its order is kept. $2: seconds after
-- which another sender may take it, $3: hours after which it is given up.
WITH due AS (
    SELECT found.delivery_id, receiver.url, receiver.secret
    FROM webhook_subscriptions AS receiver CROSS JOIN LATERAL (
        SELECT delivery_id FROM webhook_deliveries AS one
        WHERE one.subscription_id = receiver.subscription_id AND one.state = 'waiting' AND one.next_at <= now()
          AND (one.taken_until IS NULL OR one.taken_until < now())
          AND NOT EXISTS (SELECT FROM webhook_deliveries AS earlier
                          WHERE earlier.subscription_id = one.subscription_id AND earlier.ticket_id = one.ticket_id
                            AND earlier.place < one.place AND earlier.state = 'waiting')
        ORDER BY one.next_at, one.place
        LIMIT greatest(0, $1 - (SELECT count(*) FROM webhook_deliveries AS taken
                                WHERE taken.subscription_id = receiver.subscription_id AND taken.taken_until > now()))
        FOR UPDATE SKIP LOCKED
    ) AS found
    WHERE receiver.state = 'active'
)
UPDATE webhook_deliveries AS one
SET taken_until = now() + make_interval(secs => $2), tries = tries + 1,
    give_up_at = coalesce(give_up_at, now() + make_interval(hours => $3))
FROM due WHERE one.delivery_id = due.delivery_id
RETURNING one.delivery_id, one.event, one.body, one.tries, due.url, due.secret

-- name: delivered
UPDATE webhook_deliveries SET state = 'delivered', settled_at = now(), status = $2, problem = '', taken_until = NULL
WHERE delivery_id = $1 AND state = 'waiting'

-- name: failed
-- $3: what was wrong, $4: seconds until the next try, if that is before it is given up.
UPDATE webhook_deliveries
SET status = $2, problem = $3, taken_until = NULL, next_at = now() + make_interval(secs => $4),
    state = CASE WHEN now() + make_interval(secs => $4) > give_up_at THEN 'dead' ELSE 'waiting' END,
    settled_at = CASE WHEN now() + make_interval(secs => $4) > give_up_at THEN now() END
WHERE delivery_id = $1 AND state = 'waiting'

-- name: clean
DELETE FROM webhook_deliveries WHERE state = 'delivered' AND settled_at < now() - interval '30 days'

-- name: listed
SELECT subscription_id, name, url, events, state, made_by, made_at, changed_at,
       (SELECT count(*) FROM webhook_deliveries AS one WHERE one.subscription_id = receiver.subscription_id AND one.state = 'waiting')
           AS waiting,
       (SELECT count(*) FROM webhook_deliveries AS one WHERE one.subscription_id = receiver.subscription_id AND one.state = 'dead')
           AS dead
FROM webhook_subscriptions AS receiver WHERE state <> 'ended' AND ($1::uuid IS NULL OR subscription_id = $1) ORDER BY made_at

-- name: add
INSERT INTO webhook_subscriptions (subscription_id, name, url, events, secret, made_by) VALUES ($1, $2, $3, $4, $5, $6)

-- name: amend
UPDATE webhook_subscriptions
SET name = coalesce($2, name), url = coalesce($3, url), events = coalesce($4, events), state = coalesce($5, state), changed_at = now()
WHERE subscription_id = $1 AND state <> 'ended'

-- name: ping
INSERT INTO webhook_deliveries (subscription_id, event, body) VALUES ($1, 'ping', $2) RETURNING delivery_id

-- name: deliveries
-- $2: in this state, or in any.
SELECT delivery_id, event, body, made_at, state, tries, next_at, status, problem, settled_at, count(*) OVER () AS total
FROM webhook_deliveries WHERE subscription_id = $1 AND ($2::text IS NULL OR state = $2)
ORDER BY place DESC LIMIT $3 OFFSET $4

-- name: delivery
SELECT delivery_id, event, body, made_at, state, tries, next_at, status, problem, settled_at
FROM webhook_deliveries WHERE subscription_id = $1 AND delivery_id = $2

-- name: redeliver
UPDATE webhook_deliveries
SET state = 'waiting', settled_at = NULL, tries = 0, next_at = now(), give_up_at = NULL, status = NULL, problem = ''
WHERE subscription_id = $1 AND delivery_id = $2 AND state <> 'waiting' RETURNING 1
