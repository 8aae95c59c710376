-- Webhooks: what is to be told, to whom, and what became of it.

-- name: note
-- $1 ticket, $2 action, $3 body. One delivery for each subscription that wants it; those that are paused get it later.
INSERT INTO webhook_deliveries (subscription_id, ticket_id, event, body)
SELECT subscription_id, $1, $2, $3 FROM webhook_subscriptions
WHERE state <> 'ended' AND (events = '{}' OR $2 = ANY (events))
