-- What was superseded: the columns of each table as it was, and when a newer row took its place.

CREATE TABLE trading_universe_history (LIKE trading_universe INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE trading_universe_history IS 'Rows of trading_universe that were replaced or removed.';
COMMENT ON COLUMN trading_universe_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX trading_universe_history_date ON trading_universe_history (date);

CREATE TABLE corporate_actions_history (LIKE corporate_actions INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE corporate_actions_history IS 'Rows of corporate_actions that were replaced or removed.';
COMMENT ON COLUMN corporate_actions_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX corporate_actions_history_date ON corporate_actions_history (date);

CREATE TABLE market_data_history (LIKE market_data INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE market_data_history IS 'Rows of market_data that were replaced or removed.';
COMMENT ON COLUMN market_data_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX market_data_history_date ON market_data_history (date);

CREATE TABLE features_history (LIKE features INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE features_history IS 'Rows of features that were replaced or removed.';
COMMENT ON COLUMN features_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX features_history_date ON features_history (date);

CREATE TABLE signals_history (LIKE signals INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE signals_history IS 'Rows of signals that were replaced or removed.';
COMMENT ON COLUMN signals_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX signals_history_date ON signals_history (date);

CREATE TABLE portfolios_history (LIKE portfolios INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE portfolios_history IS 'Rows of portfolios that were replaced or removed.';
COMMENT ON COLUMN portfolios_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX portfolios_history_date ON portfolios_history (date);

CREATE TABLE model_performance_history (LIKE model_performance INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE model_performance_history IS 'Rows of model_performance that were replaced or removed.';
COMMENT ON COLUMN model_performance_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX model_performance_history_date ON model_performance_history (date);

CREATE TABLE performance_reports_history (LIKE performance_reports INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE performance_reports_history IS 'Rows of performance_reports that were replaced or removed.';
COMMENT ON COLUMN performance_reports_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX performance_reports_history_date ON performance_reports_history (date);

CREATE TABLE alerts_history (LIKE alerts INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE alerts_history IS 'Rows of alerts that were replaced or removed.';
COMMENT ON COLUMN alerts_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX alerts_history_date ON alerts_history (date);

CREATE TABLE data_quality_history (LIKE data_quality INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE data_quality_history IS 'Rows of data_quality that were replaced or removed.';
COMMENT ON COLUMN data_quality_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX data_quality_history_date ON data_quality_history (date);
