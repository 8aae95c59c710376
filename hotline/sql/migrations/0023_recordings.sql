-- What becomes of a recording: taken in as a WAV file below var/recordings (state taken_in), sealed and stored (stored), deleted when
-- its time is over (deleted: the row stays, the audio and what was said in it go).

ALTER TABLE recordings
    ADD COLUMN state         text NOT NULL DEFAULT 'taken_in' CHECK (state IN ('taken_in', 'stored', 'deleted')),
    ADD COLUMN quality       text NOT NULL DEFAULT '' CHECK (quality IN ('', 'empty', 'silent', 'fax', 'damaged')),
    ADD COLUMN voices        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(voices) = 'array'),   -- recordings/manifest.py, Voice
    ADD COLUMN manifest      jsonb,                       -- recordings/manifest.py, Manifest
    ADD COLUMN peaks         bytea,                       -- the picture: recordings/playback/waveform.py
    ADD COLUMN storage       text NOT NULL DEFAULT '' CHECK (storage IN ('', 'local', 's3')),
    ADD COLUMN object        text NOT NULL DEFAULT '',    -- its name there
    ADD COLUMN object_bytes  bigint,
    ADD COLUMN object_sha256 text NOT NULL DEFAULT '',    -- of the sealed bytes
    ADD COLUMN key_id        text NOT NULL DEFAULT '',    -- of the key that wraps the key it is sealed with
    ADD COLUMN wrapped_key   bytea,
    ADD COLUMN sealed_at     timestamptz,
    ADD COLUMN deleted_at    timestamptz,
    ADD CONSTRAINT recordings_sealed CHECK (state <> 'stored' OR (manifest IS NOT NULL AND object <> '' AND wrapped_key IS NOT NULL));
CREATE INDEX recordings_to_do ON recordings (node, recording_id) WHERE state = 'taken_in';
CREATE INDEX recordings_by_key ON recordings (key_id) WHERE state = 'stored';
CREATE INDEX recordings_by_time ON recordings (started_at);

-- What was paused by whom (QUA-02): the order; the stretch without sound is in the manifest.
CREATE TABLE recording_pauses (
    pause_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node       text NOT NULL,
    call_id    text NOT NULL,
    agent      text NOT NULL,                             -- whose call it was
    reason     text NOT NULL DEFAULT '',
    paused_by  text NOT NULL CHECK (paused_by <> ''),
    paused_at  timestamptz NOT NULL,
    resumed_by text NOT NULL DEFAULT '',                  -- empty: by itself, or with the call
    resumed_at timestamptz
);
CREATE UNIQUE INDEX recording_pauses_open ON recording_pauses (node, call_id) WHERE resumed_at IS NULL;
CREATE INDEX recording_pauses_by_call ON recording_pauses (node, call_id);
CREATE INDEX acd_steps_recorders ON acd_steps (node, detail) WHERE step = 'record:on';   -- which channels are recorded for a call

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON recordings, recording_pauses FROM hotline;
    END IF;
END
$$;
