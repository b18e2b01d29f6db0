DROP TRIGGER resources_are_erased;
DROP TRIGGER resources_are_revived;
DROP TRIGGER resources_are_buried;
DROP TRIGGER resources_are_counted;
DROP TABLE resource_counts;
