-- Nothing here: a row that every create changes would make creates wait for each other, each until the other is on disk.
-- PostgreSQL counts. (The engines' changes have the same names.)
SELECT 1;
