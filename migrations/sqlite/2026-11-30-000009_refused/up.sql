-- How a rejection is told to an identity provider that waits for it: 'taken', 'value' or 'forbidden'.
ALTER TABLE deliveries ADD COLUMN refused TEXT;

-- How many people an act is about: one, but for what is done to the members of a group.
ALTER TABLE guarded ADD COLUMN people BIGINT NOT NULL DEFAULT 1;
