-- Whether what RFC 7643 and RFC 7644 forbid is refused, where it is read for what was meant otherwise.
ALTER TABLE tokens ADD COLUMN strict BOOLEAN NOT NULL DEFAULT FALSE;
-- The user whom the token's holder is: what `/Me` means.
ALTER TABLE tokens ADD COLUMN user_id TEXT;
