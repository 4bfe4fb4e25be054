-- Dividends that the price did not follow: set aside until a person decides. Refused rows are found by their session.

CREATE INDEX IF NOT EXISTS quarantine_date ON quarantine (date);

CREATE TABLE doubtful_dividends (
    date          date NOT NULL,
    symbol        text NOT NULL,
    action_type   text NOT NULL CHECK (action_type IN ('cash_dividend', 'special_dividend')),
    cash_amount   double precision NOT NULL CHECK (cash_amount > 0 AND cash_amount < 'Infinity'),
    security_id   text,
    source        text NOT NULL,
    reason        text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, symbol, action_type)
);
COMMENT ON TABLE doubtful_dividends IS 'Dividends that prices or other actions contradict; they count in nothing unless a person confirms them.';
COMMENT ON COLUMN doubtful_dividends.date IS 'Ex-date: the first session that trades without the entitlement.';
COMMENT ON COLUMN doubtful_dividends.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN doubtful_dividends.action_type IS 'cash_dividend or special_dividend.';
COMMENT ON COLUMN doubtful_dividends.cash_amount IS 'Cash per share (shares after a split of the same session).';
COMMENT ON COLUMN doubtful_dividends.security_id IS 'The security that the ticker meant; null: no known security carried it.';
COMMENT ON COLUMN doubtful_dividends.source IS 'Vendor, and how the figure was obtained.';
COMMENT ON COLUMN doubtful_dividends.reason IS 'What contradicts it.';
COMMENT ON COLUMN doubtful_dividends.recorded_at IS 'When the platform learned it.';

CREATE TABLE doubtful_dividends_history (LIKE doubtful_dividends INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE doubtful_dividends_history IS 'Rows of doubtful_dividends that were replaced or removed.';
COMMENT ON COLUMN doubtful_dividends_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX doubtful_dividends_history_date ON doubtful_dividends_history (date);

CREATE TABLE dividend_decisions (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    date          date NOT NULL,
    symbol        text NOT NULL,
    action_type   text NOT NULL CHECK (action_type IN ('cash_dividend', 'special_dividend')),
    cash_amount   double precision NOT NULL CHECK (cash_amount > 0 AND cash_amount < 'Infinity'),
    state         text NOT NULL CHECK (state IN ('confirmed', 'rejected')),
    decided_by    text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dividend_decisions_date ON dividend_decisions (date);
COMMENT ON TABLE dividend_decisions IS 'What persons decided about doubtful dividends; of several decisions about one the last holds.';
COMMENT ON COLUMN dividend_decisions.id IS 'Key, in the order of the decisions.';
COMMENT ON COLUMN dividend_decisions.date IS 'Ex-date of the dividend.';
COMMENT ON COLUMN dividend_decisions.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN dividend_decisions.action_type IS 'cash_dividend or special_dividend.';
COMMENT ON COLUMN dividend_decisions.cash_amount IS 'Cash per share; a decision holds for this amount alone.';
COMMENT ON COLUMN dividend_decisions.state IS 'confirmed: it was paid and counts. rejected: it was not, and stays out.';
COMMENT ON COLUMN dividend_decisions.decided_by IS 'Who decided.';
COMMENT ON COLUMN dividend_decisions.recorded_at IS 'When it was decided.';
