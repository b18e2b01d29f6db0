-- What the guard watches: that somebody is about to lose or to gain something, or has lost it lately.
CREATE TABLE guarded (
    resource_id TEXT NOT NULL,
    -- 'lose' or 'gain', the kind of grant and Salesforce's id of it
    act TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- 'waiting': not carried out; 'released': a person agreed, and it was not carried out yet; 'done': carried out
    state TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (resource_id, act)
);
CREATE INDEX guarded_by_act ON guarded (tenant, act, state, noted_at);

-- The rules under which the people of a tenant were planned last: whoever's decision is another under new ones is planned
-- anew, once.
CREATE TABLE planned_under (
    tenant TEXT NOT NULL PRIMARY KEY,
    -- a hash of the rules
    rules TEXT NOT NULL,
    -- what decides about more than rules do: kinds that are exclusive, and whether pushed entitlements are honoured
    scope TEXT NOT NULL
);
