ALTER TABLE guarded DROP COLUMN people;
ALTER TABLE deliveries DROP COLUMN unheard;
ALTER TABLE deliveries DROP COLUMN refused;
