-- The life of an incident in full, what channels answered, what the watch saw, and who leads.

ALTER TABLE incidents ADD COLUMN magnitude       BIGINT;
ALTER TABLE incidents ADD COLUMN told_text       TEXT;
ALTER TABLE incidents ADD COLUMN told_magnitude  BIGINT;
ALTER TABLE incidents ADD COLUMN unstable        BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN acknowledged_by TEXT;
ALTER TABLE incidents ADD COLUMN acknowledged_at BIGINT;

-- History, newest first: the ids are sortable by time.
CREATE INDEX incidents_history ON incidents (since, id) WHERE phase <> 'suspected';
CREATE INDEX incidents_history_of_issue ON incidents (issue, since, id) WHERE phase <> 'suspected';

-- Everything that happened to an incident.
CREATE TABLE incident_changes (
    seq         INTEGER PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    what        TEXT NOT NULL,
    text        TEXT NOT NULL,
    -- Who did it, where it was a person.
    by_whom     TEXT
);

CREATE INDEX incident_changes_incident ON incident_changes (incident_id, seq);

-- Merged: what it was to tell is told by the notice `merged_into`. SQLite changes no constraint, so that the tables are
-- made anew.
CREATE TABLE former_links AS SELECT * FROM notice_incidents;
DROP TABLE notice_incidents;
DROP INDEX notices_pending;
DROP INDEX notices_finished;
ALTER TABLE notices RENAME TO former_notices;

CREATE TABLE notices (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    channel       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    subject       TEXT NOT NULL,
    body          TEXT NOT NULL,
    -- The notice that began the conversation. No foreign key: it may have been pruned.
    thread        TEXT,
    created       BIGINT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'merged')),
    attempts      BIGINT NOT NULL,
    next_try      BIGINT NOT NULL,
    claimed_until BIGINT,
    claimed_by    TEXT,
    failed_at     BIGINT,
    last_error    TEXT,
    delivered_at  BIGINT,
    receipt       TEXT,
    -- What the text was made of, as JSON, for whoever merges it with another.
    content       TEXT,
    merged_into   TEXT,
    -- The epoch of the leader that claimed it; none for a process that does not lead.
    claimed_epoch BIGINT
);

INSERT INTO notices (seq, id, channel, kind, subject, body, thread, created, state, attempts, next_try, claimed_until,
                     claimed_by, failed_at, last_error, delivered_at, receipt)
SELECT seq, id, channel, kind, subject, body, thread, created, state, attempts, next_try, claimed_until,
       claimed_by, failed_at, last_error, delivered_at, receipt
FROM former_notices;
DROP TABLE former_notices;

CREATE TABLE notice_incidents (
    notice_id   TEXT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    step        TEXT NOT NULL,
    PRIMARY KEY (notice_id, incident_id, step)
);

INSERT INTO notice_incidents SELECT * FROM former_links;
DROP TABLE former_links;

CREATE INDEX notice_incidents_incident ON notice_incidents (incident_id);
CREATE INDEX notices_state ON notices (channel, state, seq);
CREATE INDEX notices_finished ON notices (created) WHERE state <> 'pending';
CREATE INDEX notices_channel ON notices (channel, seq);
CREATE INDEX notices_merged ON notices (merged_into) WHERE merged_into IS NOT NULL;

-- What a channel answered, attempt by attempt.
CREATE TABLE deliveries (
    seq       INTEGER PRIMARY KEY,
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
    seq  INTEGER PRIMARY KEY,
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
