DROP INDEX deliveries_due_urgent;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (tenant, due_at) WHERE state NOT IN ('delivered', 'rejected');
ALTER TABLE deliveries DROP COLUMN urgent;
