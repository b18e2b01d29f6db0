-- Keys compare by bytes (COLLATE "C"), so that order and equality do not hang on the database's locale.

-- The shadow: what identity providers asked for.
CREATE TABLE resources (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('User', 'Group')),
    -- folded userName or displayName; NULL once deleted, which frees the name
    unique_key TEXT COLLATE "C",
    -- the name that a deleted resource had, so that a re-hired person's account is found again
    former_key TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    -- attributes as JSON text, without id, meta, groups and members
    document TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    modified_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP
);
CREATE UNIQUE INDEX resources_by_key ON resources (tenant, kind, unique_key);
CREATE INDEX resources_live ON resources (tenant, kind, id) WHERE deleted_at IS NULL;
CREATE INDEX resources_former ON resources (tenant, kind, former_key) WHERE deleted_at IS NOT NULL;

-- The values that identity providers look resources up by, folded where their attribute is not caseExact.
CREATE TABLE resource_values (
    resource_id TEXT COLLATE "C" NOT NULL REFERENCES resources (id),
    path TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (resource_id, path, value)
);
CREATE INDEX resource_values_by_value ON resource_values (tenant, kind, path, value, resource_id);

-- One row a membership, so that one member more costs one row whatever the size of the group.
CREATE TABLE members (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES resources (id),
    member_id TEXT COLLATE "C" NOT NULL REFERENCES resources (id),
    -- asked for by the identity provider
    desired BOOLEAN NOT NULL,
    -- confirmed by Salesforce
    observed BOOLEAN NOT NULL,
    -- a change was sent and its outcome is not known: what is observed must be read before more is sent
    unsure BOOLEAN NOT NULL,
    to_deliver BOOLEAN NOT NULL GENERATED ALWAYS AS (desired <> observed OR unsure) STORED,
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX members_by_member ON members (member_id, group_id);
CREATE INDEX members_to_deliver ON members (group_id, to_deliver, member_id);

-- Our id and Salesforce's.
CREATE TABLE links (
    resource_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES resources (id),
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    salesforce_id TEXT COLLATE "C" NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('created', 'federation-id', 'username', 'name', 'returned')),
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX links_by_salesforce_id ON links (tenant, kind, salesforce_id);

-- What Salesforce last confirmed, in the planner's terms (JSON text).
CREATE TABLE observed (
    resource_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES resources (id),
    state TEXT NOT NULL,
    observed_at TIMESTAMP NOT NULL
);

-- One row a resource: is Salesforce what was asked, and if not, what comes next.
CREATE TABLE deliveries (
    resource_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES resources (id),
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'delivering', 'delivered', 'retrying', 'held', 'rejected')),
    -- raised by every change; a delivery that carried an older one is not the last
    wanted BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- of them, failures that Salesforce itself did not expect: these are given up after a few
    unexpected BIGINT NOT NULL,
    due_at TIMESTAMP NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until TIMESTAMP,
    -- what a create carries (the fields of a user as JSON text, the name of a group), noted before it is sent: after a
    -- lost answer the account is looked for by it
    creating TEXT,
    -- for a person: what is waited for, or was left out
    reason TEXT,
    last_error TEXT,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (tenant, due_at) WHERE state NOT IN ('delivered', 'rejected');
CREATE INDEX deliveries_by_state ON deliveries (tenant, state);

-- One row a try.
CREATE TABLE delivery_attempts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    resource_id TEXT COLLATE "C" NOT NULL REFERENCES resources (id),
    attempt BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    outcome TEXT NOT NULL,
    calls BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX delivery_attempts_by_resource ON delivery_attempts (resource_id, started_at);

-- Inbound credentials. The secret itself is nowhere.
CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    -- SHA-256 of the secret, hexadecimal
    hash TEXT COLLATE "C" NOT NULL,
    -- its last four characters
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    revoked_at TIMESTAMP
);
CREATE INDEX tokens_by_tenant ON tokens (tenant);
