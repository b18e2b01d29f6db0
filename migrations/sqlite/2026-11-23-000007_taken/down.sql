ALTER TABLE deliveries DROP COLUMN taken;
