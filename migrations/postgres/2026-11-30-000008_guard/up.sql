-- What the guard watches: that somebody is about to lose or to gain something, or has lost it lately.
CREATE TABLE guarded (
    resource_id TEXT COLLATE "C" NOT NULL,
    -- 'lose' or 'gain', the kind of grant and Salesforce's id of it
    act TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    -- 'waiting': not carried out; 'released': a person agreed, and it was not carried out yet; 'done': carried out
    state TEXT COLLATE "C" NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (resource_id, act)
);
CREATE INDEX guarded_by_act ON guarded (tenant, act, state, noted_at);

-- The rules under which the people of a tenant were planned last: whoever's decision is another under new ones is planned
-- anew, once.
CREATE TABLE planned_under (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- a hash of the rules
    rules TEXT COLLATE "C" NOT NULL,
    -- what decides about more than rules do: kinds that are exclusive, and whether pushed entitlements are honoured
    scope TEXT COLLATE "C" NOT NULL
);
