DROP TABLE dividend_decisions;
DROP TABLE doubtful_dividends_history;
DROP TABLE doubtful_dividends;
DROP INDEX IF EXISTS quarantine_date;
