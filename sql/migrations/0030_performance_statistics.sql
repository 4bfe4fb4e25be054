-- How models compare: intervals, deflated Sharpe ratios, model confidence set and ranks.

CREATE TABLE performance_statistics (
    date                       date NOT NULL,
    model_id                   integer NOT NULL REFERENCES models (id),
    sessions                   integer NOT NULL CHECK (sessions >= 1),
    standing                   text NOT NULL CHECK (standing IN ('best', 'eliminated', 'lightly invested', 'young', 'ruined')),
    sharpe_ratio               double precision,
    sharpe_lower               double precision,
    sharpe_upper               double precision CHECK (sharpe_upper >= sharpe_lower),
    block_length               double precision CHECK (block_length >= 1),
    deflated_sharpe            double precision CHECK (deflated_sharpe BETWEEN 0 AND 1),
    deflated_sharpe_effective  double precision CHECK (deflated_sharpe_effective BETWEEN 0 AND 1),
    trials                     integer CHECK (trials >= 0),
    effective_trials           double precision CHECK (effective_trials >= 0),
    p_value                    double precision CHECK (p_value BETWEEN 0 AND 1),
    elimination_step           integer CHECK (elimination_step >= 1),
    rank_lower                 integer CHECK (rank_lower >= 1),
    rank_upper                 integer CHECK (rank_upper >= rank_lower),
    cost_rate                  double precision,
    capacity                   double precision CHECK (capacity >= 0),
    ended_positions            integer NOT NULL CHECK (ended_positions >= 0),
    assumed_endings            integer NOT NULL CHECK (assumed_endings BETWEEN 0 AND ended_positions),
    recorded_at                timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id)
);
COMMENT ON TABLE performance_statistics IS 'How far a model''s returns can be told from chance and from the other models'', after each session.';
COMMENT ON COLUMN performance_statistics.date IS 'Exchange session.';
COMMENT ON COLUMN performance_statistics.model_id IS 'The model (models.id).';
COMMENT ON COLUMN performance_statistics.sessions IS 'Returns that the row is computed from: the sessions that all compared models have; of other models all since inception.';
COMMENT ON COLUMN performance_statistics.standing IS 'best: in the model confidence set, cannot be told from the best with 95 % confidence; eliminated: can be. The others are not compared: invested by less than 20 % on average, younger than 252 sessions, or ruined.';
COMMENT ON COLUMN performance_statistics.sharpe_ratio IS 'Sharpe ratio of these sessions, annualised; null without deviation or below 21 sessions.';
COMMENT ON COLUMN performance_statistics.sharpe_lower IS 'Lower end of its 95 % interval by the stationary bootstrap, 1,000 resamples.';
COMMENT ON COLUMN performance_statistics.sharpe_upper IS 'Upper end of that interval.';
COMMENT ON COLUMN performance_statistics.block_length IS 'Mean length of the resampled blocks, in sessions.';
COMMENT ON COLUMN performance_statistics.deflated_sharpe IS 'Probability that the true Sharpe ratio is above what the best of so many trials without skill would show.';
COMMENT ON COLUMN performance_statistics.deflated_sharpe_effective IS 'The same by the effective number of trials.';
COMMENT ON COLUMN performance_statistics.trials IS 'Number of trials that the model was chosen from: the models compared, unless more are known.';
COMMENT ON COLUMN performance_statistics.effective_trials IS 'Effective number of these: the effective rank of the correlation matrix of their returns.';
COMMENT ON COLUMN performance_statistics.p_value IS 'Smallest size at which the model is not in the model confidence set; null where nothing was compared.';
COMMENT ON COLUMN performance_statistics.elimination_step IS 'Step at which the model was eliminated from all that were compared; the last one left has the highest.';
COMMENT ON COLUMN performance_statistics.rank_lower IS 'Best rank by mean return that cannot be ruled out with 95 % confidence; 1 is the best.';
COMMENT ON COLUMN performance_statistics.rank_upper IS 'Worst rank by mean return that cannot be ruled out.';
COMMENT ON COLUMN performance_statistics.cost_rate IS 'Commission, tax, spread and impact paid per year of 252 sessions, as a share of the equity.';
COMMENT ON COLUMN performance_statistics.capacity IS 'Equity, in currency, at which price impact eats half of the return above the risk-free rate; null without impact or such a return.';
COMMENT ON COLUMN performance_statistics.ended_positions IS 'Positions closed so far because their security stopped trading.';
COMMENT ON COLUMN performance_statistics.assumed_endings IS 'Those of them closed at an assumed price.';
COMMENT ON COLUMN performance_statistics.recorded_at IS 'When the platform computed it.';
CREATE TABLE performance_statistics_history (LIKE performance_statistics INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE performance_statistics_history IS 'Rows of performance_statistics that were replaced or removed.';
COMMENT ON COLUMN performance_statistics_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX performance_statistics_history_date ON performance_statistics_history (date);

COMMENT ON COLUMN performance_reports.best_model IS 'First of the ranking; others of its set may be as good.';
COMMENT ON COLUMN performance_reports.worst_model IS 'Last of the ranking.';
COMMENT ON COLUMN performance_reports.ranking IS 'Models in sets: those that cannot be told from the best, then the eliminated ones, then those that were not compared; with their statistics and the figures of the score.';
COMMENT ON COLUMN performance_reports_history.best_model IS 'First of the ranking; others of its set may be as good.';
COMMENT ON COLUMN performance_reports_history.worst_model IS 'Last of the ranking.';
COMMENT ON COLUMN performance_reports_history.ranking IS 'Models in sets: those that cannot be told from the best, then the eliminated ones, then those that were not compared; with their statistics and the figures of the score.';
