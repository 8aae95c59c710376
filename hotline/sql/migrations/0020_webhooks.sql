-- Webhooks: other systems are told what happens to tickets. What is to be told is written with the change itself, and told later,
-- at least once, in order for each ticket. Nothing here says who a citizen is.

CREATE TABLE webhook_subscriptions (
    subscription_id uuid PRIMARY KEY,
    name            text NOT NULL CHECK (name <> ''),
    url             text NOT NULL,
    events          text[] NOT NULL DEFAULT '{}',         -- actions: dispatch, reply; none: all
    secret          text NOT NULL,                        -- with which what is sent is signed
    state           text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_subscriptions_told ON webhook_subscriptions (state) WHERE state <> 'ended';

CREATE TABLE webhook_deliveries (
    delivery_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    place           bigint GENERATED ALWAYS AS IDENTITY,  -- of one ticket, in the order of what happened
    subscription_id uuid NOT NULL REFERENCES webhook_subscriptions (subscription_id),
    ticket_id       bigint REFERENCES tickets (ticket_id),-- NULL: a trial
    event           text NOT NULL,
    body            text NOT NULL,                        -- byte for byte what is sent, and signed
    made_at         timestamptz NOT NULL DEFAULT now(),
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    tries           integer NOT NULL DEFAULT 0,
    next_at         timestamptz NOT NULL DEFAULT now(),
    taken_until     timestamptz,                          -- a sender has it; if that dies, another takes it after this
    give_up_at      timestamptz,                          -- set by the first try
    status          smallint,                             -- of the last answer; NULL: there was none
    problem         text NOT NULL DEFAULT '',
    settled_at      timestamptz,
    CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CHECK (state = 'waiting' OR taken_until IS NULL)
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (subscription_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_taken ON webhook_deliveries (subscription_id) WHERE taken_until IS NOT NULL;
CREATE INDEX webhook_deliveries_before ON webhook_deliveries (subscription_id, ticket_id, place) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (subscription_id, place);
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_at) WHERE state = 'delivered';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON webhook_subscriptions FROM hotline;
    END IF;
END
$$;
