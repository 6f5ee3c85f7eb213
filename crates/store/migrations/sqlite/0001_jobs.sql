-- Times are milliseconds since 1970-01-01 UTC. Lists are joined with commas:
-- language codes and names of resources hold none.

CREATE TABLE job (
    id             TEXT    NOT NULL PRIMARY KEY,
    account        TEXT    NOT NULL,
    region         TEXT    NOT NULL,
    client_token   TEXT    NOT NULL,
    fingerprint    BLOB    NOT NULL,

    name           TEXT,
    input_uri      TEXT    NOT NULL,
    content_type   TEXT    NOT NULL,
    output_uri     TEXT    NOT NULL,
    kms_key_id     TEXT,
    role_arn       TEXT    NOT NULL,
    source         TEXT    NOT NULL,
    targets        TEXT    NOT NULL,
    terminologies  TEXT    NOT NULL,
    parallel_data  TEXT    NOT NULL,
    settings       TEXT,

    status         TEXT    NOT NULL,
    message        TEXT,
    submitted_ms   INTEGER NOT NULL,
    stop_asked_ms  INTEGER,
    ended_ms       INTEGER,

    -- How far the listing of the input has come: the last key seen.
    list_cursor    TEXT,
    is_listed      INTEGER NOT NULL DEFAULT 0,
    documents      INTEGER NOT NULL DEFAULT 0,
    input_bytes    INTEGER NOT NULL DEFAULT 0,
    -- Always the sums over the job's units.
    translated     INTEGER NOT NULL DEFAULT 0,
    with_errors    INTEGER NOT NULL DEFAULT 0,
    units          INTEGER NOT NULL DEFAULT 0,
    units_done     INTEGER NOT NULL DEFAULT 0,
    -- What ends the job as a whole, once nobody works on it any more.
    fault          TEXT,
    -- Whether the units of the ended job were removed.
    is_cleaned     INTEGER NOT NULL DEFAULT 0,

    -- The lease on listing and finishing.
    lease_owner    TEXT,
    lease_epoch    INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX job_by_token ON job (account, region, client_token);
CREATE INDEX job_by_time ON job (account, region, submitted_ms, id);
CREATE INDEX job_by_name ON job (account, region, name, submitted_ms, id);
CREATE INDEX job_by_status ON job (account, region, status, submitted_ms, id);
CREATE INDEX job_queue ON job (status, submitted_ms, id);
CREATE INDEX job_ended ON job (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE INDEX job_to_clean ON job (ended_ms) WHERE ended_ms IS NOT NULL AND is_cleaned = 0;

-- A unit is about a hundred documents that are worked on under one lease.
CREATE TABLE unit (
    job            TEXT    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    no             INTEGER NOT NULL,
    documents      BLOB    NOT NULL,
    status         TEXT    NOT NULL,
    owner          TEXT,
    epoch          INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    -- Leases in a row that ended without progress.
    attempts       INTEGER NOT NULL DEFAULT 0,
    -- Whether any holder vanished: it may have written what it did not record.
    was_abandoned  INTEGER NOT NULL DEFAULT 0,

    -- One bit a document; null while nothing is done.
    done           BLOB,
    translated     INTEGER NOT NULL DEFAULT 0,
    with_errors    INTEGER NOT NULL DEFAULT 0,
    -- Characters translated, one number a target.
    characters     TEXT,
    -- Detected languages, one a document; null when nothing was detected.
    languages      TEXT,
    PRIMARY KEY (job, no)
) STRICT, WITHOUT ROWID;

CREATE INDEX unit_by_status ON unit (job, status, no);

CREATE TABLE document_fault (
    job      TEXT    NOT NULL,
    unit     INTEGER NOT NULL,
    document INTEGER NOT NULL,
    target   INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    message  TEXT    NOT NULL,
    PRIMARY KEY (job, unit, document, target),
    FOREIGN KEY (job, unit) REFERENCES unit (job, no) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Random bytes that must outlive the process, such as the key that signs tokens.
CREATE TABLE secret (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
