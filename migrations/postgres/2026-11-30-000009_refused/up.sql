-- How a rejection is told to an identity provider that waits for it: 'taken', 'value' or 'forbidden'; 'discarded' where a
-- person gave the delivery up.
ALTER TABLE deliveries ADD COLUMN refused TEXT COLLATE "C";

-- Whether the resource was made by a request that waits for Salesforce and was never answered with a success.
ALTER TABLE deliveries ADD COLUMN unheard BOOLEAN NOT NULL DEFAULT FALSE;

-- How many people an act is about: one, but for what is done to the members of a group.
ALTER TABLE guarded ADD COLUMN people BIGINT NOT NULL DEFAULT 1;
