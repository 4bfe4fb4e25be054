-- Failing verdicts are few among all, and each evaluation of a check looks for its own.

CREATE INDEX data_quality_failing ON data_quality (check_name, date) WHERE NOT passed;
