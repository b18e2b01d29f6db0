DROP TABLE drifts;
DROP TABLE reconciles;
ALTER TABLE links DROP COLUMN seen;
