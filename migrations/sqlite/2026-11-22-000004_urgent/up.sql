-- Whether the delivery takes a right away: it goes out before all others, also where calls are held back.
ALTER TABLE deliveries ADD COLUMN urgent BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE deliveries SET urgent = TRUE WHERE resource_id IN (
    SELECT id FROM resources
    WHERE kind = 'User' AND (deleted_at IS NOT NULL OR json_extract(document, '$.active') = 0)
);
-- In the order in which they are taken, ties included: thousands that become due at one moment are not sorted each time.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (tenant, due_at, resource_id) WHERE state NOT IN ('delivered', 'rejected');
CREATE INDEX deliveries_due_urgent ON deliveries (tenant, due_at, resource_id)
    WHERE urgent AND state NOT IN ('delivered', 'rejected');
