-- The life of an incident in full, what channels answered, what the watch saw, and who leads.

ALTER TABLE incidents
    ADD COLUMN magnitude       BIGINT,
    ADD COLUMN told_text       TEXT,
    ADD COLUMN told_magnitude  BIGINT,
    ADD COLUMN unstable        BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN acknowledged_by TEXT,
    ADD COLUMN acknowledged_at BIGINT;

-- History, newest first: the ids are sortable by time.
CREATE INDEX incidents_history ON incidents (since, id) WHERE phase <> 'suspected';
CREATE INDEX incidents_history_of_issue ON incidents (issue, since, id) WHERE phase <> 'suspected';

-- Everything that happened to an incident.
CREATE TABLE incident_changes (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    what        TEXT NOT NULL,
    text        TEXT NOT NULL,
    -- Who did it, where it was a person.
    by_whom     TEXT
);

CREATE INDEX incident_changes_incident ON incident_changes (incident_id, seq);

-- Merged: what it was to tell is told by the notice `merged_into`.
ALTER TABLE notices DROP CONSTRAINT notices_state_check;
ALTER TABLE notices ADD CONSTRAINT notices_state_check
    CHECK (state IN ('pending', 'delivered', 'failed', 'merged'));

ALTER TABLE notices
    -- What the text was made of, as JSON, for whoever merges it with another.
    ADD COLUMN content       TEXT,
    ADD COLUMN merged_into   TEXT,
    -- The epoch of the leader that claimed it; none for a process that does not lead.
    ADD COLUMN claimed_epoch BIGINT;

DROP INDEX notices_pending;
CREATE INDEX notices_state ON notices (channel, state, seq);
CREATE INDEX notices_channel ON notices (channel, seq);
CREATE INDEX notices_merged ON notices (merged_into) WHERE merged_into IS NOT NULL;

-- What a channel answered, attempt by attempt.
CREATE TABLE deliveries (
    seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id TEXT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    attempt   BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    outcome   TEXT NOT NULL CHECK (outcome IN ('delivered', 'later', 'never')),
    answer    TEXT NOT NULL
);

CREATE INDEX deliveries_notice ON deliveries (notice_id, seq);

-- Without an issue, a silence is for all of them.
CREATE TABLE silences (
    id      TEXT PRIMARY KEY NOT NULL,
    issue   TEXT,
    created BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    reason  TEXT NOT NULL
);

CREATE INDEX silences_until ON silences (until);

-- The reports of the last days, as JSON: those who do not lead show the newest one.
CREATE TABLE reports (
    seq  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at   BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX reports_at ON reports (at);

-- The figures of each cycle; what was not known is NULL.
CREATE TABLE samples (
    at            BIGINT PRIMARY KEY NOT NULL,
    ok            BIGINT NOT NULL,
    openai        BIGINT,
    notion        BIGINT,
    jobs          BIGINT,
    done          BIGINT,
    low_qa        BIGINT,
    avg_qa_tenths BIGINT,
    stuck         BIGINT,
    health_ms     BIGINT
);

-- The same by day (days since 1970-01-01, UTC): how many samples there were, how many of them knew a figure, and the
-- sums over those.
CREATE TABLE sample_days (
    day               BIGINT PRIMARY KEY NOT NULL,
    samples           BIGINT NOT NULL,
    ok                BIGINT NOT NULL,
    openai_yes        BIGINT NOT NULL,
    openai_no         BIGINT NOT NULL,
    notion_yes        BIGINT NOT NULL,
    notion_no         BIGINT NOT NULL,
    jobs_known        BIGINT NOT NULL,
    jobs_sum          BIGINT NOT NULL,
    done_sum          BIGINT NOT NULL,
    low_qa_sum        BIGINT NOT NULL,
    avg_qa_known      BIGINT NOT NULL,
    avg_qa_tenths_sum BIGINT NOT NULL,
    stuck_known       BIGINT NOT NULL,
    stuck_sum         BIGINT NOT NULL,
    stuck_max         BIGINT NOT NULL,
    health_known      BIGINT NOT NULL,
    health_ms_sum     BIGINT NOT NULL
);

-- When nobody looked: the host slept, or we were down.
CREATE TABLE gaps (
    since BIGINT PRIMARY KEY NOT NULL,
    until BIGINT NOT NULL
);

-- Who leads. The epoch grows with each leader, and a leader of an older one writes nothing any more. `until` is by the
-- clock of the database.
CREATE TABLE lease (
    name   TEXT PRIMARY KEY NOT NULL,
    epoch  BIGINT NOT NULL,
    holder TEXT,
    until  BIGINT NOT NULL
);

INSERT INTO lease (name, epoch, holder, until) VALUES ('leader', 0, NULL, 0);
