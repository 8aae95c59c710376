-- Routing: which queue a call was given to and why; whose ticket is overdue.
CREATE TABLE call_routes (
    route_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node         text NOT NULL,
    call_id      text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    asked_queue  text NOT NULL,
    queue        text NOT NULL,
    priority     smallint NOT NULL CHECK (priority >= 0),
    kept_seconds integer NOT NULL CHECK (kept_seconds >= 0),   -- wait of an earlier call that counts
    place        integer NOT NULL CHECK (place >= 0),          -- asked for; 0: the end
    first_agent  text NOT NULL,
    why          text[] NOT NULL
);
CREATE INDEX call_routes_by_call ON call_routes (node, call_id);

-- Numbers of callers with an overdue ticket (IVR-32); whoever keeps the tickets keeps them.
CREATE TABLE overdue_callers (
    number telephone_number PRIMARY KEY CHECK (number <> '')
);

-- Who called lately, and who waits now.
CREATE INDEX requests_by_caller ON requests (caller, requested_at);
CREATE INDEX requests_waiting ON requests (node, queue) WHERE outcome = 'waiting';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON call_routes FROM hotline;
    END IF;
END
$$;
