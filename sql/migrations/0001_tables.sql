-- The tables of quant-platform. Every table that an asset owns has one row set per session (`date`), is replaced
-- session by session, and keeps what it replaced in its `_history` twin (0002_history.sql).
-- Columns that the registries add (one per feature in `features`, one per metric in `model_performance`) are created by
-- `quant-platform db upgrade` from the decorated functions, with their descriptions as comments.

CREATE TABLE models (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_name    text NOT NULL UNIQUE,
    version       text NOT NULL,
    description   text NOT NULL,
    parameters    jsonb NOT NULL DEFAULT '{}',
    is_benchmark  boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE models IS 'One row per strategy: what it is called, which version and parameters run now.';
COMMENT ON COLUMN models.id IS 'Key that signals, portfolios and performance rows refer to.';
COMMENT ON COLUMN models.model_name IS 'Name of the strategy, the last part of its asset signals/<name>.';
COMMENT ON COLUMN models.version IS 'Version the strategy class states.';
COMMENT ON COLUMN models.description IS 'First paragraph of the strategy''s documentation.';
COMMENT ON COLUMN models.parameters IS 'Validated parameters in force.';
COMMENT ON COLUMN models.is_benchmark IS 'True for the model that the others are judged against.';
COMMENT ON COLUMN models.created_at IS 'When the model was first registered.';

CREATE TABLE model_runs (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id       integer NOT NULL REFERENCES models (id),
    run_id         text NOT NULL,
    model_version  text NOT NULL,
    parameters     jsonb NOT NULL,
    code_version   text NOT NULL,
    input_digest   text NOT NULL,
    first_session  date NOT NULL,
    last_session   date NOT NULL,
    signal_rows    integer NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE model_runs IS 'One row per time a model computed signals: enough to compute them again.';
COMMENT ON COLUMN model_runs.id IS 'Key.';
COMMENT ON COLUMN model_runs.model_id IS 'The model.';
COMMENT ON COLUMN model_runs.run_id IS 'Dagster run in which it happened.';
COMMENT ON COLUMN model_runs.model_version IS 'Version of the strategy at the time.';
COMMENT ON COLUMN model_runs.parameters IS 'Parameters at the time.';
COMMENT ON COLUMN model_runs.code_version IS 'Version of quant-platform, with the git commit where there is one.';
COMMENT ON COLUMN model_runs.input_digest IS 'SHA-256 of the features, prices and membership it read.';
COMMENT ON COLUMN model_runs.first_session IS 'First session computed.';
COMMENT ON COLUMN model_runs.last_session IS 'Last session computed.';
COMMENT ON COLUMN model_runs.signal_rows IS 'Rows of signals it produced.';
COMMENT ON COLUMN model_runs.recorded_at IS 'When it ran.';

CREATE TABLE trading_universe (
    date                  date NOT NULL,
    symbol                text NOT NULL,
    company_name          text NOT NULL,
    sector                text NOT NULL,
    listing_date          date NOT NULL,
    dollar_volume         double precision NOT NULL CHECK (dollar_volume >= 0),
    dollar_volume_rank    integer NOT NULL CHECK (dollar_volume_rank >= 1),
    recorded_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, symbol)
);
COMMENT ON TABLE trading_universe IS 'Members of the tradable universe in each session, as known after its close.';
COMMENT ON COLUMN trading_universe.date IS 'Exchange session.';
COMMENT ON COLUMN trading_universe.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN trading_universe.company_name IS 'Name of the issuer.';
COMMENT ON COLUMN trading_universe.sector IS 'Sector of the issuer.';
COMMENT ON COLUMN trading_universe.listing_date IS 'First session with a bar that the vendor knows of.';
COMMENT ON COLUMN trading_universe.dollar_volume IS 'Median of close × volume over the last 20 sessions with a bar, in currency.';
COMMENT ON COLUMN trading_universe.dollar_volume_rank IS 'Rank by dollar_volume among the members, 1 the most traded.';
COMMENT ON COLUMN trading_universe.recorded_at IS 'When the platform learned it.';

CREATE TABLE corporate_actions (
    date          date NOT NULL,
    symbol        text NOT NULL,
    action_type   text NOT NULL CHECK (action_type IN ('split', 'cash_dividend', 'special_dividend')),
    split_ratio   double precision CHECK (split_ratio > 0 AND split_ratio < 'Infinity'),
    cash_amount   double precision CHECK (cash_amount > 0 AND cash_amount < 'Infinity'),
    source        text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, symbol, action_type),
    CHECK ((action_type = 'split') = (split_ratio IS NOT NULL)),
    CHECK ((action_type <> 'split') = (cash_amount IS NOT NULL))
);
COMMENT ON TABLE corporate_actions IS 'Splits and cash dividends by ex-date.';
COMMENT ON COLUMN corporate_actions.date IS 'Ex-date: the first session that trades without the entitlement.';
COMMENT ON COLUMN corporate_actions.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN corporate_actions.action_type IS 'split, cash_dividend or special_dividend.';
COMMENT ON COLUMN corporate_actions.split_ratio IS 'New shares per old share, for splits.';
COMMENT ON COLUMN corporate_actions.cash_amount IS 'Cash per share (shares after a split of the same session), for dividends.';
COMMENT ON COLUMN corporate_actions.source IS 'Vendor, and how the figure was obtained.';
COMMENT ON COLUMN corporate_actions.recorded_at IS 'When the platform learned it.';

CREATE TABLE market_data (
    date            date NOT NULL,
    symbol          text NOT NULL,
    open_price      double precision NOT NULL CHECK (open_price > 0 AND open_price < 'Infinity'),
    high_price      double precision NOT NULL CHECK (high_price > 0 AND high_price < 'Infinity'),
    low_price       double precision NOT NULL CHECK (low_price > 0 AND low_price < 'Infinity'),
    close_price     double precision NOT NULL CHECK (close_price > 0 AND close_price < 'Infinity'),
    volume          double precision NOT NULL CHECK (volume >= 0 AND volume < 'Infinity'),
    vendor_adjusted_close double precision CHECK (vendor_adjusted_close > 0 AND vendor_adjusted_close < 'Infinity'),
    source          text NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, symbol),
    CHECK (high_price >= open_price AND high_price >= close_price AND high_price >= low_price),
    CHECK (low_price <= open_price AND low_price <= close_price)
);
COMMENT ON TABLE market_data IS 'Daily bars, raw as traded.';
COMMENT ON COLUMN market_data.date IS 'Exchange session.';
COMMENT ON COLUMN market_data.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN market_data.open_price IS 'First trade, in currency per share, not adjusted.';
COMMENT ON COLUMN market_data.high_price IS 'Highest trade, not adjusted.';
COMMENT ON COLUMN market_data.low_price IS 'Lowest trade, not adjusted.';
COMMENT ON COLUMN market_data.close_price IS 'Last trade, not adjusted.';
COMMENT ON COLUMN market_data.volume IS 'Shares traded, not adjusted.';
COMMENT ON COLUMN market_data.vendor_adjusted_close IS 'Close adjusted by the vendor as of the day it delivered; kept for comparison, never computed with.';
COMMENT ON COLUMN market_data.source IS 'Vendor.';
COMMENT ON COLUMN market_data.recorded_at IS 'When the platform learned it.';

CREATE TABLE features (
    date         date NOT NULL,
    symbol       text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, symbol)
);
COMMENT ON TABLE features IS 'One typed column per feature; as JSON in the view feature_store.';
COMMENT ON COLUMN features.date IS 'Exchange session; a value uses bars of sessions up to this one.';
COMMENT ON COLUMN features.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN features.recorded_at IS 'When the platform computed it.';

CREATE VIEW feature_store AS
SELECT f.symbol, f.date, to_jsonb(f) - ARRAY['symbol', 'date', 'recorded_at'] AS features, f.recorded_at
FROM features f;
COMMENT ON VIEW feature_store IS 'The table features with its feature columns as one JSON object per row: for looking, not for bulk reads.';
COMMENT ON COLUMN feature_store.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN feature_store.date IS 'Exchange session.';
COMMENT ON COLUMN feature_store.features IS 'Feature name → value.';
COMMENT ON COLUMN feature_store.recorded_at IS 'When the platform computed it.';

CREATE TABLE signals (
    date                 date NOT NULL,
    model_id             integer NOT NULL REFERENCES models (id),
    symbol               text NOT NULL,
    signal_type          smallint NOT NULL CHECK (signal_type IN (-1, 0, 1)),
    strength             double precision NOT NULL CHECK (strength BETWEEN 0 AND 1),
    confidence           double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    target_weight        double precision NOT NULL CHECK (target_weight BETWEEN -1 AND 1),
    reference_price      double precision NOT NULL CHECK (reference_price > 0 AND reference_price < 'Infinity'),
    stop_price           double precision CHECK (stop_price > 0 AND stop_price < 'Infinity'),
    expected_return      double precision CHECK (abs(expected_return) < 'Infinity'),
    expected_volatility  double precision CHECK (expected_volatility >= 0 AND expected_volatility < 'Infinity'),
    value_at_risk_95     double precision CHECK (value_at_risk_95 >= 0 AND value_at_risk_95 < 'Infinity'),
    metadata             jsonb NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, symbol)
);
CREATE INDEX signals_created_at ON signals (created_at);
COMMENT ON TABLE signals IS 'What each model wants of each symbol after the close of a session; executed in the next session.';
COMMENT ON COLUMN signals.date IS 'Session after whose close the signal was known.';
COMMENT ON COLUMN signals.model_id IS 'The model (models.id).';
COMMENT ON COLUMN signals.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN signals.signal_type IS '1 buy, 0 hold or exit, -1 sell.';
COMMENT ON COLUMN signals.strength IS 'How far the condition is met, 0 to 1.';
COMMENT ON COLUMN signals.confidence IS 'How well it is confirmed, 0 to 1.';
COMMENT ON COLUMN signals.target_weight IS 'Share of the portfolio''s equity the model wants in the symbol from the next open on.';
COMMENT ON COLUMN signals.reference_price IS 'Close of the session, raw.';
COMMENT ON COLUMN signals.stop_price IS 'Price at which the position is given up, in units of the session; null without a position.';
COMMENT ON COLUMN signals.expected_return IS 'Expected annual excess return, as a fraction.';
COMMENT ON COLUMN signals.expected_volatility IS 'Expected annual volatility of the symbol, as a fraction.';
COMMENT ON COLUMN signals.value_at_risk_95 IS 'Loss of the symbol over one session exceeded with 5 % probability, as a positive fraction of its value.';
COMMENT ON COLUMN signals.metadata IS 'What the model based the signal on.';
COMMENT ON COLUMN signals.created_at IS 'When the platform computed it.';

CREATE TABLE portfolios (
    date             date NOT NULL,
    model_id         integer NOT NULL REFERENCES models (id),
    equity           double precision NOT NULL CHECK (abs(equity) < 'Infinity'),
    cash             double precision NOT NULL CHECK (abs(cash) < 'Infinity'),
    daily_return     double precision NOT NULL CHECK (abs(daily_return) < 'Infinity'),
    gross_exposure   double precision NOT NULL CHECK (gross_exposure >= 0 AND gross_exposure < 'Infinity'),
    net_exposure     double precision NOT NULL CHECK (abs(net_exposure) < 'Infinity'),
    turnover         double precision NOT NULL CHECK (turnover >= 0 AND turnover < 'Infinity'),
    trade_count      integer NOT NULL CHECK (trade_count >= 0),
    costs            double precision NOT NULL CHECK (costs >= 0 AND costs < 'Infinity'),
    dividends        double precision NOT NULL CHECK (abs(dividends) < 'Infinity'),
    signals_judged   integer NOT NULL CHECK (signals_judged >= 0),
    signals_hit      integer NOT NULL CHECK (signals_hit >= 0 AND signals_hit <= signals_judged),
    positions        jsonb NOT NULL,
    trades           jsonb NOT NULL,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id)
);
COMMENT ON TABLE portfolios IS 'State of each model''s simulated portfolio after the close of each session.';
COMMENT ON COLUMN portfolios.date IS 'Exchange session.';
COMMENT ON COLUMN portfolios.model_id IS 'The model (models.id).';
COMMENT ON COLUMN portfolios.equity IS 'Cash plus positions at the close, in currency.';
COMMENT ON COLUMN portfolios.cash IS 'Cash after the session''s trades, costs and dividends.';
COMMENT ON COLUMN portfolios.daily_return IS 'Equity over the previous session''s equity, minus one.';
COMMENT ON COLUMN portfolios.gross_exposure IS 'Sum of absolute position values over equity, at the close.';
COMMENT ON COLUMN portfolios.net_exposure IS 'Sum of signed position values over equity, at the close.';
COMMENT ON COLUMN portfolios.turnover IS 'Value traded over the equity at the open.';
COMMENT ON COLUMN portfolios.trade_count IS 'Number of orders filled in the session.';
COMMENT ON COLUMN portfolios.costs IS 'Commission and slippage paid in the session, in currency.';
COMMENT ON COLUMN portfolios.dividends IS 'Cash dividends received (paid, for short positions: negative) in the session.';
COMMENT ON COLUMN portfolios.signals_judged IS 'Buy and sell signals of the previous session whose following return is known now.';
COMMENT ON COLUMN portfolios.signals_hit IS 'Those whose sign was the sign of the return that followed.';
COMMENT ON COLUMN portfolios.positions IS 'Symbol → shares, price, value, weight and the target last traded to.';
COMMENT ON COLUMN portfolios.trades IS 'Fills of the session: symbol, shares, price, commission, slippage.';
COMMENT ON COLUMN portfolios.recorded_at IS 'When the platform computed it.';

CREATE TABLE model_performance (
    date             date NOT NULL,
    model_id         integer NOT NULL REFERENCES models (id),
    window_name      text NOT NULL CHECK (window_name IN ('21d', '63d', '252d', 'inception')),
    window_sessions  integer NOT NULL CHECK (window_sessions >= 1),
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, window_name)
);
COMMENT ON TABLE model_performance IS 'Figures of each model over trailing windows, as known after the close of a session; one column per metric.';
COMMENT ON COLUMN model_performance.date IS 'Last session of the window.';
COMMENT ON COLUMN model_performance.model_id IS 'The model (models.id).';
COMMENT ON COLUMN model_performance.window_name IS '21d, 63d, 252d (that many sessions) or inception.';
COMMENT ON COLUMN model_performance.window_sessions IS 'Number of session returns in the window.';
COMMENT ON COLUMN model_performance.recorded_at IS 'When the platform computed it.';

CREATE TABLE performance_reports (
    date            date NOT NULL PRIMARY KEY,
    best_model      text,
    worst_model     text,
    score_formula   text NOT NULL,
    ranking         jsonb NOT NULL,
    trends          jsonb NOT NULL,
    alert_count     integer NOT NULL CHECK (alert_count >= 0),
    summary         text NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE performance_reports IS 'One report per session: the ranking of the models and what needs attention.';
COMMENT ON COLUMN performance_reports.date IS 'Exchange session.';
COMMENT ON COLUMN performance_reports.best_model IS 'Model with the highest score.';
COMMENT ON COLUMN performance_reports.worst_model IS 'Model with the lowest score.';
COMMENT ON COLUMN performance_reports.score_formula IS 'How the score is computed.';
COMMENT ON COLUMN performance_reports.ranking IS 'Models by score, best first, with the figures the score is made of.';
COMMENT ON COLUMN performance_reports.trends IS 'Each model against its previous month (21 sessions earlier).';
COMMENT ON COLUMN performance_reports.alert_count IS 'Alerts raised for the session.';
COMMENT ON COLUMN performance_reports.summary IS 'The report in a few sentences.';
COMMENT ON COLUMN performance_reports.recorded_at IS 'When the platform computed it.';

CREATE TABLE alerts (
    date         date NOT NULL,
    origin       text NOT NULL CHECK (origin IN ('report', 'run')),
    rule         text NOT NULL,
    subject      text NOT NULL,
    severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    message      text NOT NULL,
    value        double precision,
    threshold    double precision,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, origin, rule, subject)
);
COMMENT ON TABLE alerts IS 'What needs a person''s attention.';
COMMENT ON COLUMN alerts.date IS 'Session (or, for a failed run outside the sessions, day) it concerns.';
COMMENT ON COLUMN alerts.origin IS 'report: found by an alert rule; run: a Dagster run failed.';
COMMENT ON COLUMN alerts.rule IS 'Name of the rule.';
COMMENT ON COLUMN alerts.subject IS 'Model, symbol, table or run it is about.';
COMMENT ON COLUMN alerts.severity IS 'info, warning or critical.';
COMMENT ON COLUMN alerts.message IS 'What happened, in a sentence.';
COMMENT ON COLUMN alerts.value IS 'Figure that broke the limit.';
COMMENT ON COLUMN alerts.threshold IS 'The limit.';
COMMENT ON COLUMN alerts.recorded_at IS 'When the platform raised it.';

CREATE TABLE data_quality (
    date         date NOT NULL,
    check_name   text NOT NULL,
    table_name   text NOT NULL,
    passed       boolean NOT NULL,
    severity     text NOT NULL CHECK (severity IN ('warn', 'error')),
    failures     integer NOT NULL CHECK (failures >= 0),
    details      jsonb NOT NULL DEFAULT '{}',
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, check_name)
);
COMMENT ON TABLE data_quality IS 'Verdict of each quality check for each session.';
COMMENT ON COLUMN data_quality.date IS 'Session judged.';
COMMENT ON COLUMN data_quality.check_name IS 'Name of the check.';
COMMENT ON COLUMN data_quality.table_name IS 'Table judged.';
COMMENT ON COLUMN data_quality.passed IS 'Whether the session passed.';
COMMENT ON COLUMN data_quality.severity IS 'error stops the daily run, warn does not.';
COMMENT ON COLUMN data_quality.failures IS 'Number of rows or cells that failed.';
COMMENT ON COLUMN data_quality.details IS 'Examples, figures and thresholds.';
COMMENT ON COLUMN data_quality.recorded_at IS 'When this verdict was first reached.';

CREATE TABLE quarantine (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name   text NOT NULL,
    date         date,
    symbol       text,
    reason       text NOT NULL,
    row          jsonb NOT NULL,
    run_id       text,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX quarantine_once ON quarantine (table_name, reason, md5(row::text));
COMMENT ON TABLE quarantine IS 'Rows that were refused, with the reason, so that nothing a vendor sent is lost.';
COMMENT ON COLUMN quarantine.id IS 'Key.';
COMMENT ON COLUMN quarantine.table_name IS 'Table the row was meant for.';
COMMENT ON COLUMN quarantine.date IS 'Session of the row, where it has one.';
COMMENT ON COLUMN quarantine.symbol IS 'Symbol of the row, where it has one.';
COMMENT ON COLUMN quarantine.reason IS 'What is wrong with it.';
COMMENT ON COLUMN quarantine.row IS 'The row as it came.';
COMMENT ON COLUMN quarantine.run_id IS 'Dagster run that refused it first.';
COMMENT ON COLUMN quarantine.recorded_at IS 'When it was refused first.';
