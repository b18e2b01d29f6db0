-- The newest reconcile that found the account or group in the org. One that the newest did not find is not there.
ALTER TABLE links ADD COLUMN seen TEXT COLLATE "C";

-- Comparisons of what the org really holds with what was asked.
CREATE TABLE reconciles (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    -- whether what drifted is enqueued for delivery
    applies BOOLEAN NOT NULL,
    -- where it stands and what was counted so far, as JSON text: a run that was killed goes on from there
    progress TEXT NOT NULL,
    -- whoever carries it out, and until when that is believed
    lease_owner TEXT COLLATE "C" NOT NULL,
    lease_until TIMESTAMP NOT NULL
);
-- One at a time for each tenant, whichever process it is.
CREATE UNIQUE INDEX reconciles_open ON reconciles (tenant) WHERE finished_at IS NULL;
CREATE INDEX reconciles_finished ON reconciles (tenant, finished_at);

-- What a reconcile found, one row a difference or an account that nobody is linked to, as JSON text.
CREATE TABLE drifts (
    reconcile_id TEXT COLLATE "C" NOT NULL REFERENCES reconciles (id),
    -- what it is about: unique in its reconcile, and the order of the report
    place TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- the account or group in Salesforce
    salesforce_id TEXT COLLATE "C" NOT NULL,
    finding TEXT NOT NULL,
    PRIMARY KEY (reconcile_id, place)
);
