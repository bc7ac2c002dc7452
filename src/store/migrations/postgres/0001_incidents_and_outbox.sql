-- Times are unix milliseconds (UTC), names are those of the domain.

CREATE TABLE incidents (
    id          TEXT PRIMARY KEY NOT NULL,
    issue       TEXT NOT NULL,
    text        TEXT NOT NULL,
    detail      TEXT NOT NULL,
    since       BIGINT NOT NULL,
    phase       TEXT NOT NULL CHECK (phase IN ('suspected', 'open', 'recovering', 'resolved')),
    streak      BIGINT NOT NULL,
    held        TEXT NOT NULL CHECK (held IN ('no', 'by', 'released')),
    held_cause  TEXT,
    told_at     BIGINT,
    resolved_at BIGINT,
    CHECK ((held = 'no') = (held_cause IS NULL))
);

-- An issue has one incident that is not over, or none.
CREATE UNIQUE INDEX incidents_unresolved ON incidents (issue) WHERE phase <> 'resolved';
CREATE INDEX incidents_resolved ON incidents (resolved_at) WHERE phase = 'resolved';

-- The outbox. `seq` is the order in which notices were posted, whatever the clock did meanwhile.
CREATE TABLE notices (
    seq           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    channel       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    subject       TEXT NOT NULL,
    body          TEXT NOT NULL,
    -- The notice that began the conversation. No foreign key: it may have been pruned.
    thread        TEXT,
    created       BIGINT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts      BIGINT NOT NULL,
    next_try      BIGINT NOT NULL,
    claimed_until BIGINT,
    claimed_by    TEXT,
    failed_at     BIGINT,
    last_error    TEXT,
    delivered_at  BIGINT,
    receipt       TEXT
);

CREATE INDEX notices_pending ON notices (channel, seq) WHERE state = 'pending';
CREATE INDEX notices_finished ON notices (created) WHERE state <> 'pending';

CREATE TABLE notice_incidents (
    notice_id   TEXT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    step        TEXT NOT NULL,
    PRIMARY KEY (notice_id, incident_id, step)
);

CREATE INDEX notice_incidents_incident ON notice_incidents (incident_id);

-- What a channel has to remember between two messages.
CREATE TABLE channel_state (
    channel TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (channel, key)
);
