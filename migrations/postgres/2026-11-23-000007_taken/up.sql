-- Of the tries, those that found a value taken by nobody who could be found. Counted apart from unexpected errors: each
-- has a limit of its own.
ALTER TABLE deliveries ADD COLUMN taken BIGINT NOT NULL DEFAULT 0;
