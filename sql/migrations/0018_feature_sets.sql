-- Features in sets: which sets are stored, and in which table. The table of a set other than `technical` is made with its
-- columns when the set is first stored, and the view feature_store then shows it too.

CREATE TABLE feature_sets (
    name        text PRIMARY KEY,
    table_name  text NOT NULL UNIQUE,
    storage     text NOT NULL CHECK (storage IN ('float8', 'float4')),
    description text NOT NULL
);
COMMENT ON TABLE feature_sets IS 'Sets of features whose values are or were stored.';
COMMENT ON COLUMN feature_sets.name IS 'Name of the set.';
COMMENT ON COLUMN feature_sets.table_name IS 'Table of its values, one column per feature; what it replaced is in the table of the same name with _history.';
COMMENT ON COLUMN feature_sets.storage IS 'Type of its columns.';
COMMENT ON COLUMN feature_sets.description IS 'What its features are.';

INSERT INTO feature_sets (name, table_name, storage, description)
VALUES ('technical', 'features', 'float8', 'Returns, averages, bands, ranges, volumes and news of each security.');

COMMENT ON VIEW feature_store IS 'All stored features of a security in a session as one JSON object: for looking, not for bulk reads.';
