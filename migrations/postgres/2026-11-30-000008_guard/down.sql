DROP TABLE planned_under;
DROP TABLE guarded;
