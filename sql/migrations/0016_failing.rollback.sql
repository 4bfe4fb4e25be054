DROP INDEX data_quality_failing;
