-- The risk model: exposures of securities, returns of factors, what these leave over, and the risk of portfolios.

CREATE TABLE factor_exposures (
    date                 date NOT NULL,
    symbol               text NOT NULL CHECK (symbol <> ''),
    security_id          text NOT NULL CHECK (security_id <> ''),
    sector               text,
    dollar_volume        real CHECK (dollar_volume >= 0),
    market               real,
    size                 real,
    momentum             real,
    residual_volatility  real,
    liquidity            real,
    reversal             real,
    recorded_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, security_id)
);
COMMENT ON TABLE factor_exposures IS 'What each member of the universe is like after the close of each session: its exposures to the factors of the risk model.';
COMMENT ON COLUMN factor_exposures.date IS 'Exchange session; a value uses bars of sessions up to this one.';
COMMENT ON COLUMN factor_exposures.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN factor_exposures.security_id IS 'The security.';
COMMENT ON COLUMN factor_exposures.sector IS 'Sector in that session; null where unknown.';
COMMENT ON COLUMN factor_exposures.dollar_volume IS 'Mean value traded of the last 20 sessions, in currency; null where no volume is known. Its square root weighs the security in the regression.';
COMMENT ON COLUMN factor_exposures.market IS 'Beta to the members'' mean return by value traded, over 252 sessions, moved a third of the way to 1; null where unknown, which counts as 1.';
COMMENT ON COLUMN factor_exposures.size IS 'Score of the logarithm of the mean value traded of 63 sessions; null where unknown, which counts as 0, the average, as of all scores.';
COMMENT ON COLUMN factor_exposures.momentum IS 'Score of the return of 252 sessions without the last 21.';
COMMENT ON COLUMN factor_exposures.residual_volatility IS 'Score of the deviation of the returns that beta leaves over, of 252 sessions.';
COMMENT ON COLUMN factor_exposures.liquidity IS 'Score of the value traded of 21 sessions over that of 252.';
COMMENT ON COLUMN factor_exposures.reversal IS 'Score of the negative return of the last 21 sessions.';
COMMENT ON COLUMN factor_exposures.recorded_at IS 'When the platform computed it.';
CREATE TABLE factor_exposures_history (LIKE factor_exposures INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE factor_exposures_history IS 'Rows of factor_exposures that were replaced or removed.';
COMMENT ON COLUMN factor_exposures_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX factor_exposures_history_date ON factor_exposures_history (date);

CREATE TABLE factor_returns (
    date            date NOT NULL,
    factor          text NOT NULL CHECK (factor <> ''),
    factor_return   double precision NOT NULL CHECK (abs(factor_return) < 'Infinity'),
    standard_error  double precision CHECK (standard_error >= 0),
    securities      integer NOT NULL CHECK (securities >= 1),
    r_squared       double precision,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, factor)
);
COMMENT ON TABLE factor_returns IS 'What each factor of the risk model earned in each session, by the exposures of the session before.';
COMMENT ON COLUMN factor_returns.date IS 'Exchange session.';
COMMENT ON COLUMN factor_returns.factor IS 'market, size, momentum, residual_volatility, liquidity, reversal, or sector: and its name. A factor for which there were too few securities has no row.';
COMMENT ON COLUMN factor_returns.factor_return IS 'Return of one unit of exposure, as a fraction. Those of the sectors add up to 0, weighted by value traded.';
COMMENT ON COLUMN factor_returns.standard_error IS 'Its standard error; null where as many factors as securities leave none.';
COMMENT ON COLUMN factor_returns.securities IS 'Securities in the session''s regression.';
COMMENT ON COLUMN factor_returns.r_squared IS 'Weighted share of the returns'' squares that all factors explain; null where no price moved.';
COMMENT ON COLUMN factor_returns.recorded_at IS 'When the platform computed it.';
CREATE TABLE factor_returns_history (LIKE factor_returns INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE factor_returns_history IS 'Rows of factor_returns that were replaced or removed.';
COMMENT ON COLUMN factor_returns_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX factor_returns_history_date ON factor_returns_history (date);

CREATE TABLE specific_returns (
    date             date NOT NULL,
    security_id      text NOT NULL CHECK (security_id <> ''),
    specific_return  double precision NOT NULL CHECK (abs(specific_return) < 'Infinity'),
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, security_id)
);
COMMENT ON TABLE specific_returns IS 'What the factors leave over of each security''s return: exposures of the session before times factor returns, and this, add up to its total return.';
COMMENT ON COLUMN specific_returns.date IS 'Exchange session.';
COMMENT ON COLUMN specific_returns.security_id IS 'The security.';
COMMENT ON COLUMN specific_returns.specific_return IS 'Specific return, as a fraction.';
COMMENT ON COLUMN specific_returns.recorded_at IS 'When the platform computed it.';
CREATE TABLE specific_returns_history (LIKE specific_returns INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE specific_returns_history IS 'Rows of specific_returns that were replaced or removed.';
COMMENT ON COLUMN specific_returns_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX specific_returns_history_date ON specific_returns_history (date);

CREATE TABLE risk_forecasts (
    date                   date NOT NULL,
    model_id               integer NOT NULL REFERENCES models (id),
    positions              integer NOT NULL CHECK (positions >= 0),
    covered                double precision CHECK (covered BETWEEN 0 AND 1.000001),
    volatility             double precision CHECK (volatility >= 0 AND volatility < 'Infinity'),
    value_at_risk_95       double precision CHECK (value_at_risk_95 >= 0),
    value_at_risk_99       double precision CHECK (value_at_risk_99 >= 0),
    expected_shortfall_95  double precision CHECK (expected_shortfall_95 >= 0),
    expected_shortfall_99  double precision CHECK (expected_shortfall_99 >= 0),
    market_share           double precision,
    style_share            double precision,
    sector_share           double precision,
    specific_share         double precision,
    beta                   double precision,
    size                   double precision,
    momentum               double precision,
    residual_volatility    double precision,
    liquidity              double precision,
    reversal               double precision,
    recorded_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id)
);
COMMENT ON TABLE risk_forecasts IS 'Risk of each portfolio in the session that follows, as predicted after the close from the positions held.';
COMMENT ON COLUMN risk_forecasts.date IS 'Exchange session after whose close it was predicted; the forecast is of the next one.';
COMMENT ON COLUMN risk_forecasts.model_id IS 'The model (models.id).';
COMMENT ON COLUMN risk_forecasts.positions IS 'Positions held.';
COMMENT ON COLUMN risk_forecasts.covered IS 'Share of their absolute value with exposures of their own; the others count as the average security. Null without positions.';
COMMENT ON COLUMN risk_forecasts.volatility IS 'Standard deviation of the return of one session, as a fraction; 0 without positions, null before the model knows 63 sessions.';
COMMENT ON COLUMN risk_forecasts.value_at_risk_95 IS 'Loss of one session that is exceeded with a probability of 5 %, as a fraction.';
COMMENT ON COLUMN risk_forecasts.value_at_risk_99 IS 'Loss that is exceeded with a probability of 1 %.';
COMMENT ON COLUMN risk_forecasts.expected_shortfall_95 IS 'Mean loss beyond value_at_risk_95.';
COMMENT ON COLUMN risk_forecasts.expected_shortfall_99 IS 'Mean loss beyond value_at_risk_99.';
COMMENT ON COLUMN risk_forecasts.market_share IS 'Share of the variance that comes from the market; the four shares add up to 1, and are null without variance.';
COMMENT ON COLUMN risk_forecasts.style_share IS 'Share that comes from the styles; negative where they offset others.';
COMMENT ON COLUMN risk_forecasts.sector_share IS 'Share that comes from the sectors.';
COMMENT ON COLUMN risk_forecasts.specific_share IS 'Share that comes from single securities.';
COMMENT ON COLUMN risk_forecasts.beta IS 'Exposure of the portfolio to the market.';
COMMENT ON COLUMN risk_forecasts.size IS 'Exposure of the portfolio to size.';
COMMENT ON COLUMN risk_forecasts.momentum IS 'Exposure of the portfolio to momentum.';
COMMENT ON COLUMN risk_forecasts.residual_volatility IS 'Exposure of the portfolio to residual volatility.';
COMMENT ON COLUMN risk_forecasts.liquidity IS 'Exposure of the portfolio to liquidity.';
COMMENT ON COLUMN risk_forecasts.reversal IS 'Exposure of the portfolio to reversal.';
COMMENT ON COLUMN risk_forecasts.recorded_at IS 'When the platform computed it.';
CREATE TABLE risk_forecasts_history (LIKE risk_forecasts INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE risk_forecasts_history IS 'Rows of risk_forecasts that were replaced or removed.';
COMMENT ON COLUMN risk_forecasts_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX risk_forecasts_history_date ON risk_forecasts_history (date);
