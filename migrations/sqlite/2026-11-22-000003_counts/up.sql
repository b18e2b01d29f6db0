-- How many live resources a tenant has of each kind: the total of every list without a filter, which would otherwise be
-- counted for each of its pages.
CREATE TABLE resource_counts (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    live BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind)
) WITHOUT ROWID;
INSERT INTO resource_counts (tenant, kind, live)
    SELECT tenant, kind, COUNT(*) FROM resources WHERE deleted_at IS NULL GROUP BY tenant, kind;
CREATE TRIGGER resources_are_counted AFTER INSERT ON resources WHEN NEW.deleted_at IS NULL
BEGIN
    INSERT INTO resource_counts (tenant, kind, live) VALUES (NEW.tenant, NEW.kind, 1)
        ON CONFLICT (tenant, kind) DO UPDATE SET live = live + 1;
END;
CREATE TRIGGER resources_are_buried AFTER UPDATE OF deleted_at ON resources
    WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
    UPDATE resource_counts SET live = live - 1 WHERE tenant = NEW.tenant AND kind = NEW.kind;
END;
CREATE TRIGGER resources_are_revived AFTER UPDATE OF deleted_at ON resources
    WHEN OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL
BEGIN
    UPDATE resource_counts SET live = live + 1 WHERE tenant = NEW.tenant AND kind = NEW.kind;
END;
CREATE TRIGGER resources_are_erased AFTER DELETE ON resources WHEN OLD.deleted_at IS NULL
BEGIN
    UPDATE resource_counts SET live = live - 1 WHERE tenant = OLD.tenant AND kind = OLD.kind;
END;
