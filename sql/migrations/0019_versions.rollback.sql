DROP FUNCTION renew_table_versions() CASCADE;
DROP TABLE table_versions;
DROP TABLE database_identity;
