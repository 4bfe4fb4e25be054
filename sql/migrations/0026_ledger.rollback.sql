DROP FUNCTION record_trial(jsonb, jsonb, jsonb);
ALTER TABLE trials RENAME TO trials_of_ledger;
ALTER INDEX trials_pkey RENAME TO trials_of_ledger_pkey;
CREATE TABLE trials (
    id                     text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{32}$'),
    sweep_id               text NOT NULL,
    strategy               text NOT NULL CHECK (strategy <> ''),
    strategy_version       text NOT NULL,
    source_digest          text NOT NULL,
    parameters             jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    code_version           text NOT NULL,
    data_version           text NOT NULL,
    first_session          date NOT NULL,
    last_session           date NOT NULL CHECK (last_session >= first_session),
    costs                  text NOT NULL,
    limits                 text NOT NULL,
    delistings             text NOT NULL,
    capital                double precision NOT NULL CHECK (capital > 0 AND capital < 'Infinity'),
    risk_free              double precision NOT NULL,
    benchmark              text NOT NULL,
    total_return           double precision,
    annualized_return      double precision,
    excess_return          double precision,
    annualized_volatility  double precision,
    sharpe_ratio           double precision,
    sharpe_lower_95        double precision,
    sharpe_upper_95        double precision,
    sortino_ratio          double precision,
    calmar_ratio           double precision,
    max_drawdown           double precision,
    max_drawdown_sessions  double precision,
    win_rate               double precision,
    profit_factor          double precision,
    turnover               double precision,
    average_exposure       double precision,
    trade_count            double precision,
    hit_rate               double precision,
    alpha                  double precision,
    beta                   double precision,
    daily_returns          double precision[],
    failed                 text,
    created_at             timestamptz NOT NULL DEFAULT now(),
    CHECK ((failed IS NULL) = (daily_returns IS NOT NULL))
);
COMMENT ON TABLE trials IS 'Configurations of strategies that were simulated over stored sessions: what a sweep computed, so that it can go on, and so that trials can be counted. Figures are defined in docs/conventions.md.';
COMMENT ON COLUMN trials.id IS 'Digest of everything that the result depends on: the same configuration over the same data by the same code has one row.';
COMMENT ON COLUMN trials.sweep_id IS 'The sweep that computed it.';
COMMENT ON COLUMN trials.strategy IS 'Name of the strategy or function.';
COMMENT ON COLUMN trials.strategy_version IS 'Its version.';
COMMENT ON COLUMN trials.source_digest IS 'Digest of its own source; of the platform''s strategies, code_version says the rest.';
COMMENT ON COLUMN trials.parameters IS 'All of its parameters, those at their defaults included.';
COMMENT ON COLUMN trials.code_version IS 'Version of the platform''s code and of extensions.';
COMMENT ON COLUMN trials.data_version IS 'Digest of the versions of the tables that were read, or of the moment as of which they were.';
COMMENT ON COLUMN trials.first_session IS 'First session.';
COMMENT ON COLUMN trials.last_session IS 'Last session.';
COMMENT ON COLUMN trials.costs IS 'What was assumed of trading.';
COMMENT ON COLUMN trials.limits IS 'How much the portfolio was allowed to hold and lose.';
COMMENT ON COLUMN trials.delistings IS 'What was assumed of securities that stop trading.';
COMMENT ON COLUMN trials.capital IS 'Cash to start with, in currency.';
COMMENT ON COLUMN trials.risk_free IS 'Annual rate, as a fraction, in sessions without a known Treasury yield.';
COMMENT ON COLUMN trials.benchmark IS 'What alpha, beta and excess return refer to.';
COMMENT ON COLUMN trials.total_return IS 'Compounded return, as a fraction.';
COMMENT ON COLUMN trials.annualized_return IS 'Geometric return per year of 252 sessions, as a fraction.';
COMMENT ON COLUMN trials.excess_return IS 'Annualised return minus the benchmark''s.';
COMMENT ON COLUMN trials.annualized_volatility IS 'Standard deviation of the session returns × √252.';
COMMENT ON COLUMN trials.sharpe_ratio IS 'Mean return above the risk-free rate over its deviation × √252.';
COMMENT ON COLUMN trials.sharpe_lower_95 IS 'Lower end of the Sharpe ratio''s 95 % interval.';
COMMENT ON COLUMN trials.sharpe_upper_95 IS 'Upper end of the Sharpe ratio''s 95 % interval.';
COMMENT ON COLUMN trials.sortino_ratio IS 'Annualised mean return above the risk-free rate over the downside deviation.';
COMMENT ON COLUMN trials.calmar_ratio IS 'Annualised return over the size of the maximum drawdown.';
COMMENT ON COLUMN trials.max_drawdown IS 'Deepest fall of the equity below its highest value, as a negative fraction.';
COMMENT ON COLUMN trials.max_drawdown_sessions IS 'Longest run of sessions below the highest equity.';
COMMENT ON COLUMN trials.win_rate IS 'Sessions with a gain over sessions with a gain or a loss.';
COMMENT ON COLUMN trials.profit_factor IS 'Sum of the gains over the size of the sum of the losses.';
COMMENT ON COLUMN trials.turnover IS 'Value bought and sold per year, in multiples of the equity.';
COMMENT ON COLUMN trials.average_exposure IS 'Mean of the positions'' absolute value over the equity.';
COMMENT ON COLUMN trials.trade_count IS 'Number of orders filled.';
COMMENT ON COLUMN trials.hit_rate IS 'Buy and sell signals with the sign of the return that followed.';
COMMENT ON COLUMN trials.alpha IS 'Mean excess return above beta × the benchmark''s, compounded over 252 sessions.';
COMMENT ON COLUMN trials.beta IS 'Covariance with the benchmark''s returns over their variance.';
COMMENT ON COLUMN trials.daily_returns IS 'Return of each session from first to last, as fractions; null where it failed.';
COMMENT ON COLUMN trials.failed IS 'Why there is no result; null: there is one.';
COMMENT ON COLUMN trials.created_at IS 'When the platform computed it.';
CREATE INDEX trials_sweep ON trials (sweep_id);

INSERT INTO trials (id, sweep_id, strategy, strategy_version, source_digest, parameters, code_version, data_version,
    first_session, last_session, costs, limits, delistings, capital, risk_free, benchmark, total_return,
    annualized_return, excess_return, annualized_volatility, sharpe_ratio, sharpe_lower_95, sharpe_upper_95,
    sortino_ratio, calmar_ratio, max_drawdown, max_drawdown_sessions, win_rate, profit_factor, turnover,
    average_exposure, trade_count, hit_rate, alpha, beta, daily_returns, failed, created_at)
SELECT DISTINCT ON (digest) digest, coalesce(sweep_id, ''), strategy, strategy_version, source_digest, parameters,
    code_version, data_version, r.first_session, r.last_session, costs::text, limits::text, delistings::text, capital,
    risk_free, benchmark, total_return, annualized_return, excess_return, annualized_volatility, sharpe_ratio,
    sharpe_lower_95, sharpe_upper_95, sortino_ratio, calmar_ratio, max_drawdown, max_drawdown_sessions, win_rate,
    profit_factor, turnover, average_exposure, trade_count, hit_rate, alpha, beta, daily_returns, failed, r.created_at
FROM trial_runs AS r JOIN trials_of_ledger AS t ON t.id = trial_id ORDER BY digest, failed NULLS FIRST;

DROP TABLE trial_runs, study_trials, trials_of_ledger, trial_sources, studies;
DROP FUNCTION refuse_change();
