-- What is planted in a generated market: the answers that checks and statistics are measured on. Vendors of real
-- markets have none.

CREATE TABLE planted_truths (
    date                     date NOT NULL,
    kind                     text NOT NULL CHECK (kind IN (
        'listing', 'bankruptcy', 'merger', 'rename', 'reuse', 'split', 'dividend', 'special_dividend', 'halt',
        'bad_print', 'false_dividend', 'false_split', 'missing_split', 'signal')),
    security_id              text NOT NULL,
    symbol                   text,
    name                     text NOT NULL,
    other_symbol             text CHECK ((kind = 'rename') = (other_symbol IS NOT NULL)),
    other_security_id        text CHECK ((kind = 'reuse') = (other_security_id IS NOT NULL)),
    last_date                date CHECK ((kind IN ('bankruptcy', 'merger', 'halt')) = (last_date IS NOT NULL)),
    pay_date                 date CHECK ((kind IN ('dividend', 'special_dividend')) = (pay_date IS NOT NULL)),
    payoff                   double precision CHECK (payoff >= 0 AND payoff < 'Infinity'),
    split_ratio              double precision CHECK (split_ratio > 0 AND split_ratio < 'Infinity'),
    cash_amount              double precision CHECK (cash_amount > 0 AND cash_amount < 'Infinity'),
    printed                  double precision CHECK (printed > 0 AND printed < 'Infinity'),
    true_value               double precision CHECK (true_value > 0 AND true_value < 'Infinity'),
    information_coefficient  double precision CHECK (abs(information_coefficient) <= 1),
    persistence              double precision CHECK (abs(persistence) < 1),
    recorded_at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, kind, security_id, name),
    CHECK ((kind IN ('bankruptcy', 'merger')) = (payoff IS NOT NULL)),
    CHECK ((kind IN ('split', 'false_split', 'missing_split')) = (split_ratio IS NOT NULL)),
    CHECK ((kind IN ('dividend', 'special_dividend', 'false_dividend')) = (cash_amount IS NOT NULL)),
    CHECK ((kind = 'bad_print') = (printed IS NOT NULL) AND (printed IS NULL) = (true_value IS NULL)),
    CHECK ((kind = 'signal') = (information_coefficient IS NOT NULL)
           AND (information_coefficient IS NULL) = (persistence IS NULL)),
    CHECK ((kind = 'signal') = (security_id = '') AND (security_id = '') = (symbol IS NULL)),
    CHECK ((kind IN ('bad_print', 'signal')) = (name <> ''))
);
COMMENT ON TABLE planted_truths IS 'Everything that is planted in a generated market, each fact in the session in which it first shows.';
COMMENT ON COLUMN planted_truths.date IS 'Session in which the fact first shows; of a delisting, the first one without a bar.';
COMMENT ON COLUMN planted_truths.kind IS 'What it is. false_dividend and false_split: published, and the price does not follow. missing_split: the price follows, and it is not published.';
COMMENT ON COLUMN planted_truths.security_id IS 'The security; empty for a signal, which is of all.';
COMMENT ON COLUMN planted_truths.symbol IS 'Its ticker in that session; of a delisting, its last one.';
COMMENT ON COLUMN planted_truths.name IS 'Name of the signal; of a bad print what is wrong: high, low, open, close, decimal (all prices by ten), copy (the bar before again) or volume; else empty.';
COMMENT ON COLUMN planted_truths.other_symbol IS 'Of a rename, the ticker before.';
COMMENT ON COLUMN planted_truths.other_security_id IS 'Of a reuse, the security that had the ticker before.';
COMMENT ON COLUMN planted_truths.last_date IS 'Of a delisting, the session of the last bar; of a halt, its last session without one.';
COMMENT ON COLUMN planted_truths.pay_date IS 'Of a dividend, the day on which it is paid.';
COMMENT ON COLUMN planted_truths.payoff IS 'Of a delisting, what its holder is paid for a share.';
COMMENT ON COLUMN planted_truths.split_ratio IS 'New shares for an old one.';
COMMENT ON COLUMN planted_truths.cash_amount IS 'Cash per share, in units of the session.';
COMMENT ON COLUMN planted_truths.printed IS 'Of a bad print, what is published: the price that is wrong, the volume, or else the close.';
COMMENT ON COLUMN planted_truths.true_value IS 'The same without the fault.';
COMMENT ON COLUMN planted_truths.information_coefficient IS 'Of a signal, the true correlation across the market with the total return of the next session; 0 for noise.';
COMMENT ON COLUMN planted_truths.persistence IS 'Of a signal, the share of it that is left one session later, and of its information coefficient.';
COMMENT ON COLUMN planted_truths.recorded_at IS 'When the platform learned it.';

CREATE TABLE planted_truths_history (LIKE planted_truths INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE planted_truths_history IS 'Rows of planted_truths that were replaced or removed.';
COMMENT ON COLUMN planted_truths_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX planted_truths_history_date ON planted_truths_history (date);
