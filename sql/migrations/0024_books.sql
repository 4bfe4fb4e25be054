-- Books of several models: what each member of a book holds of it, and what each gained and cost.

CREATE TABLE book_attribution (
    date           date NOT NULL,
    model_id       integer NOT NULL REFERENCES models (id),
    member         text NOT NULL CHECK (member <> ''),
    capital_share  double precision NOT NULL CHECK (abs(capital_share) <= 1.000001),
    pnl            double precision NOT NULL CHECK (abs(pnl) < 'Infinity'),
    price_gain     double precision NOT NULL CHECK (abs(price_gain) < 'Infinity'),
    dividends      double precision NOT NULL CHECK (abs(dividends) < 'Infinity'),
    costs          double precision NOT NULL CHECK (costs >= 0),
    borrow_fees    double precision NOT NULL CHECK (borrow_fees >= 0),
    interest       double precision NOT NULL CHECK (abs(interest) < 'Infinity'),
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, member)
);
COMMENT ON TABLE book_attribution IS 'What each member of a book gained and cost in a session; the lines add up to the change of the book''s equity.';
COMMENT ON COLUMN book_attribution.date IS 'Exchange session.';
COMMENT ON COLUMN book_attribution.model_id IS 'The book (models.id).';
COMMENT ON COLUMN book_attribution.member IS 'Name of the member, a model; cash: what belongs to none.';
COMMENT ON COLUMN book_attribution.capital_share IS 'Share of the book''s capital that the session''s orders were made with.';
COMMENT ON COLUMN book_attribution.pnl IS 'price_gain + dividends - costs - borrow_fees + interest, in currency.';
COMMENT ON COLUMN book_attribution.price_gain IS 'What prices did to the member''s shares, before costs, in currency.';
COMMENT ON COLUMN book_attribution.dividends IS 'Dividends on the member''s shares, less what is withheld, in currency; owed by short positions: negative.';
COMMENT ON COLUMN book_attribution.costs IS 'Part of commission, tax, spread and impact of the book''s fills, by the shares that members traded, in currency.';
COMMENT ON COLUMN book_attribution.borrow_fees IS 'Part of the fees for shares sold short, in currency.';
COMMENT ON COLUMN book_attribution.interest IS 'Interest on the book''s cash, in currency; in the line cash alone.';
COMMENT ON COLUMN book_attribution.recorded_at IS 'When the platform computed it.';
CREATE TABLE book_attribution_history (LIKE book_attribution INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE book_attribution_history IS 'Rows of book_attribution that were replaced or removed.';
COMMENT ON COLUMN book_attribution_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX book_attribution_history_date ON book_attribution_history (date);

CREATE TABLE book_holdings (
    date           date NOT NULL,
    model_id       integer NOT NULL REFERENCES models (id),
    member         text NOT NULL CHECK (member <> ''),
    security_id    text NOT NULL CHECK (security_id <> ''),
    shares         double precision NOT NULL CHECK (abs(shares) < 'Infinity'),
    price          double precision CHECK (price > 0 AND price < 'Infinity'),
    target_weight  double precision NOT NULL CHECK (abs(target_weight) < 'Infinity'),
    asked_weight   double precision NOT NULL CHECK (abs(asked_weight) < 'Infinity'),
    traded_ask     double precision NOT NULL CHECK (abs(traded_ask) < 'Infinity'),
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, member, security_id)
);
COMMENT ON TABLE book_holdings IS 'What each member holds of a book''s positions, and wants; the shares of a security add up to the book''s.';
COMMENT ON COLUMN book_holdings.date IS 'Exchange session.';
COMMENT ON COLUMN book_holdings.model_id IS 'The book (models.id).';
COMMENT ON COLUMN book_holdings.member IS 'Name of the member, a model.';
COMMENT ON COLUMN book_holdings.security_id IS 'The security.';
COMMENT ON COLUMN book_holdings.shares IS 'Shares that are the member''s, negative if sold short, in units of the session; members may hold opposite shares.';
COMMENT ON COLUMN book_holdings.price IS 'Last known price of one share, in currency; null where nobody holds any.';
COMMENT ON COLUMN book_holdings.target_weight IS 'Weight that the member wanted in the session, as a share of its own capital.';
COMMENT ON COLUMN book_holdings.asked_weight IS 'The same before it was scaled to the member''s limits.';
COMMENT ON COLUMN book_holdings.traded_ask IS 'Weight of the book''s equity that the member asked for when its shares were last traded.';
COMMENT ON COLUMN book_holdings.recorded_at IS 'When the platform computed it.';
CREATE TABLE book_holdings_history (LIKE book_holdings INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE book_holdings_history IS 'Rows of book_holdings that were replaced or removed.';
COMMENT ON COLUMN book_holdings_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX book_holdings_history_date ON book_holdings_history (date);
