DROP TABLE performance_statistics, performance_statistics_history;
COMMENT ON COLUMN performance_reports.best_model IS 'Model with the highest score.';
COMMENT ON COLUMN performance_reports.worst_model IS 'Model with the lowest score.';
COMMENT ON COLUMN performance_reports.ranking IS 'Models by score, best first, with the figures the score is made of.';
COMMENT ON COLUMN performance_reports_history.best_model IS 'Model with the highest score.';
COMMENT ON COLUMN performance_reports_history.worst_model IS 'Model with the lowest score.';
COMMENT ON COLUMN performance_reports_history.ranking IS 'Models by score, best first, with the figures the score is made of.';
