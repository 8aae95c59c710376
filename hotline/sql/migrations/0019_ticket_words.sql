-- What tickets are found by (KBA-05, TKT-16, LIF-08): their words, and never who the citizen is. A ticket's id begins with its day,
-- so half-years are partitions, and a search begins with the newest. Beside words there are marks, which hold a colon as no word
-- does: u:UNIT (a unit that has it or had it, and those above), c:CATEGORY (leaf and class), n:NATURE, t:TERRITORY, s:SUBJECT TERM.
-- Without fastupdate: a search never reads a list of what has yet to be put into the index.

CREATE TABLE ticket_words (
    ticket_id bigint PRIMARY KEY REFERENCES tickets (ticket_id),
    words     tsvector NOT NULL
) PARTITION BY RANGE (ticket_id);
CREATE INDEX ticket_words_by_word ON ticket_words USING gin (words) WITH (fastupdate = off);
CREATE TABLE ticket_words_default PARTITION OF ticket_words DEFAULT;

-- The partition for the half-year of a ticket; rows that are in the default partition move over. The application may not make
-- tables: this may, for it. What is outside of 2000 to 2099 stays in the default.
CREATE FUNCTION ensure_ticket_words(ticket bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    year   integer := ticket / 1000000000;
    half   integer := CASE WHEN ticket / 10000000 % 100 < 7 THEN 1 ELSE 2 END;
    begins bigint;
    ends   bigint;
    name   text := format('ticket_words_%s_%s', ticket / 1000000000, CASE WHEN ticket / 10000000 % 100 < 7 THEN 1 ELSE 2 END);
BEGIN
    IF year NOT BETWEEN 2000 AND 2099 OR to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_ticket_words'));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    begins := (year * 100 + CASE half WHEN 1 THEN 1 ELSE 7 END)::bigint * 10000000;
    ends := CASE half WHEN 1 THEN year * 100 + 7 ELSE (year + 1) * 100 + 1 END::bigint * 10000000;
    EXECUTE format('CREATE TABLE %I (LIKE ticket_words INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('WITH moved AS (DELETE FROM ticket_words_default WHERE ticket_id >= %s AND ticket_id < %s RETURNING *)'
                   ' INSERT INTO %I SELECT * FROM moved', begins, ends, name);
    EXECUTE format('ALTER TABLE ticket_words ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, begins, ends);
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON ticket_words FROM hotline;
    END IF;
END
$$;
