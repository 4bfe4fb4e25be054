-- Positions whose securities stop trading become cash, with a row that says so; a book without equity is ruined. A
-- share of an equity that is not positive is no number: such ratios are null, where they were 0.

ALTER TABLE portfolios
    ADD COLUMN ruined boolean NOT NULL DEFAULT false,
    ALTER COLUMN daily_return DROP NOT NULL,
    ALTER COLUMN gross_exposure DROP NOT NULL,
    ALTER COLUMN net_exposure DROP NOT NULL,
    ALTER COLUMN turnover DROP NOT NULL;
ALTER TABLE portfolios_history
    ADD COLUMN ruined boolean NOT NULL DEFAULT false,
    ALTER COLUMN daily_return DROP NOT NULL,
    ALTER COLUMN gross_exposure DROP NOT NULL,
    ALTER COLUMN net_exposure DROP NOT NULL,
    ALTER COLUMN turnover DROP NOT NULL;
COMMENT ON COLUMN portfolios.ruined IS 'Whether equity was not positive at this close or an earlier one: the portfolio is closed out at the next open and trades no more.';
COMMENT ON COLUMN portfolios_history.ruined IS 'Whether equity was not positive at this close or an earlier one: the portfolio is closed out at the next open and trades no more.';
COMMENT ON COLUMN portfolios.daily_return IS 'Equity over the previous session''s equity, minus one; null where that was not positive.';
COMMENT ON COLUMN portfolios_history.daily_return IS 'Equity over the previous session''s equity, minus one; null where that was not positive.';
COMMENT ON COLUMN portfolios.gross_exposure IS 'Sum of absolute position values over equity, at the close; null where equity is not positive.';
COMMENT ON COLUMN portfolios_history.gross_exposure IS 'Sum of absolute position values over equity, at the close; null where equity is not positive.';
COMMENT ON COLUMN portfolios.net_exposure IS 'Sum of signed position values over equity, at the close; null where equity is not positive.';
COMMENT ON COLUMN portfolios_history.net_exposure IS 'Sum of signed position values over equity, at the close; null where equity is not positive.';
COMMENT ON COLUMN portfolios.turnover IS 'Value traded over the equity at the open; null where that is not positive.';
COMMENT ON COLUMN portfolios_history.turnover IS 'Value traded over the equity at the open; null where that is not positive.';

CREATE TABLE closed_positions (
    date                  date NOT NULL,
    model_id              integer NOT NULL REFERENCES models (id),
    security_id           text NOT NULL CHECK (security_id <> ''),
    assumed               boolean NOT NULL,
    sessions_without_bar  integer NOT NULL CHECK (sessions_without_bar >= 1),
    shares                double precision NOT NULL CHECK (abs(shares) < 'Infinity' AND shares <> 0),
    last_price            double precision NOT NULL CHECK (last_price > 0 AND last_price < 'Infinity'),
    year_high             double precision NOT NULL CHECK (year_high >= last_price AND year_high < 'Infinity'),
    distressed            boolean NOT NULL,
    delisting_return      double precision NOT NULL CHECK (delisting_return >= -1 AND delisting_return < 'Infinity'),
    proceeds              double precision NOT NULL CHECK (abs(proceeds) < 'Infinity'),
    recorded_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, security_id)
);
COMMENT ON TABLE closed_positions IS 'Positions that became cash because their security stopped trading.';
COMMENT ON COLUMN closed_positions.date IS 'Session after whose close the position was closed.';
COMMENT ON COLUMN closed_positions.model_id IS 'The model (models.id).';
COMMENT ON COLUMN closed_positions.security_id IS 'What was held.';
COMMENT ON COLUMN closed_positions.assumed IS 'Whether the end is assumed from missing bars; else the reference data say that the security is delisted.';
COMMENT ON COLUMN closed_positions.sessions_without_bar IS 'Sessions since the last bar.';
COMMENT ON COLUMN closed_positions.shares IS 'Shares held, negative if sold short, in units of the session.';
COMMENT ON COLUMN closed_positions.last_price IS 'Last price of one share, in units of the session.';
COMMENT ON COLUMN closed_positions.year_high IS 'Highest close of the last 252 sessions, in the same units.';
COMMENT ON COLUMN closed_positions.distressed IS 'Whether there was evidence of distress: a low last price, or a deep fall from year_high.';
COMMENT ON COLUMN closed_positions.delisting_return IS 'Return from the last price to what was paid, as a fraction.';
COMMENT ON COLUMN closed_positions.proceeds IS 'Cash received (paid, for a short position: negative): shares × last_price × (1 + delisting_return).';
COMMENT ON COLUMN closed_positions.recorded_at IS 'When the platform computed it.';

CREATE TABLE closed_positions_history (LIKE closed_positions INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE closed_positions_history IS 'Rows of closed_positions that were replaced or removed.';
COMMENT ON COLUMN closed_positions_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX closed_positions_history_date ON closed_positions_history (date);
