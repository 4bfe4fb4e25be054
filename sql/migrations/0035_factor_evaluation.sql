-- What each stored feature foretold, by session and horizon, as far as it is known after the session.

CREATE TABLE factor_evaluation (
    date             date NOT NULL,
    feature          text NOT NULL CHECK (feature <> ''),
    horizon          smallint NOT NULL CHECK (horizon >= 1),
    value_date       date NOT NULL CHECK (value_date < date),
    coverage         real NOT NULL CHECK (coverage > 0 AND coverage <= 1),
    pairs            integer NOT NULL CHECK (pairs >= 0),
    ic               real CHECK (ic BETWEEN -1 AND 1),
    rank_ic          real CHECK (rank_ic BETWEEN -1 AND 1),
    slope            real CHECK (abs(slope) < 'Infinity'),
    quantiles        smallint NOT NULL CHECK (quantiles IN (0, 2, 5)),
    return_1         real CHECK (abs(return_1) < 'Infinity'),
    return_2         real CHECK (abs(return_2) < 'Infinity'),
    return_3         real CHECK (abs(return_3) < 'Infinity'),
    return_4         real CHECK (abs(return_4) < 'Infinity'),
    return_5         real CHECK (abs(return_5) < 'Infinity'),
    spread           real CHECK (abs(spread) < 'Infinity'),
    turnover         real CHECK (turnover BETWEEN 0 AND 1),
    autocorrelation  real CHECK (autocorrelation BETWEEN -1 AND 1),
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, feature, horizon)
);
COMMENT ON TABLE factor_evaluation IS 'What each stored feature foretold: its values some sessions ago beside the returns that ended with the session. Figures in single precision.';
COMMENT ON COLUMN factor_evaluation.date IS 'Session after which the figures are known: returns end with its open.';
COMMENT ON COLUMN factor_evaluation.feature IS 'Name of the feature.';
COMMENT ON COLUMN factor_evaluation.horizon IS 'Sessions of the returns, from an open to an open.';
COMMENT ON COLUMN factor_evaluation.value_date IS 'Session of the feature''s values: horizon + 1 sessions before; returns begin with the open that follows it.';
COMMENT ON COLUMN factor_evaluation.coverage IS 'Members of value_date with a value, as a share of all.';
COMMENT ON COLUMN factor_evaluation.pairs IS 'Members with a value and a return.';
COMMENT ON COLUMN factor_evaluation.ic IS 'Pearson''s correlation of values and returns; null below 3 pairs, and where all values or returns are the same.';
COMMENT ON COLUMN factor_evaluation.rank_ic IS 'Spearman''s correlation of values and returns.';
COMMENT ON COLUMN factor_evaluation.slope IS 'Slope of the least-squares line: return per unit of the value.';
COMMENT ON COLUMN factor_evaluation.quantiles IS 'Groups of equal size that members are put into: 5, below 10 members with a value 2, below 4 none.';
COMMENT ON COLUMN factor_evaluation.return_1 IS 'Mean return of the group with the lowest values, as a fraction over the horizon.';
COMMENT ON COLUMN factor_evaluation.return_2 IS 'Mean return of the second group.';
COMMENT ON COLUMN factor_evaluation.return_3 IS 'Mean return of the third group.';
COMMENT ON COLUMN factor_evaluation.return_4 IS 'Mean return of the fourth group.';
COMMENT ON COLUMN factor_evaluation.return_5 IS 'Mean return of the fifth group.';
COMMENT ON COLUMN factor_evaluation.spread IS 'Mean return of the highest group less that of the lowest, before costs.';
COMMENT ON COLUMN factor_evaluation.turnover IS 'Share of these two groups that was not in them horizon sessions before value_date; their mean.';
COMMENT ON COLUMN factor_evaluation.autocorrelation IS 'Correlation of the members'' ranks at value_date with those horizon sessions before.';
COMMENT ON COLUMN factor_evaluation.recorded_at IS 'When the platform computed it.';
CREATE TABLE factor_evaluation_history (LIKE factor_evaluation INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE factor_evaluation_history IS 'Rows of factor_evaluation that were replaced or removed.';
COMMENT ON COLUMN factor_evaluation_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX factor_evaluation_history_date ON factor_evaluation_history (date);
