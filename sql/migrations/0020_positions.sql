-- What each model holds, what it trades and what it is owed are rows of their own, where they were JSON of a row of
-- portfolios; and what a portfolio is charged and limited by. What is stored is carried over, in the history too.

CREATE TABLE positions (
    date                  date NOT NULL,
    model_id              integer NOT NULL REFERENCES models (id),
    account               text NOT NULL,
    security_id           text NOT NULL CHECK (security_id <> ''),
    shares                double precision NOT NULL CHECK (abs(shares) < 'Infinity'),
    price                 double precision CHECK (price > 0 AND price < 'Infinity'),
    value                 double precision NOT NULL CHECK (abs(value) < 'Infinity'),
    weight                double precision,
    target_weight         double precision NOT NULL,
    wanted_weight         double precision NOT NULL,
    traded_ask            double precision NOT NULL,
    ask                   double precision NOT NULL,
    is_due                boolean NOT NULL,
    sessions_without_bar  integer NOT NULL CHECK (sessions_without_bar >= 0),
    is_retired            boolean NOT NULL,
    sessions_held         integer NOT NULL CHECK (sessions_held >= 0),
    best_price            double precision,
    stop_price            double precision,
    profit_price          double precision,
    trailing_stop         double precision,
    longest_hold          double precision,
    limit_price           double precision,
    trigger_price         double precision,
    barred_ask            double precision,
    reason                text NOT NULL,
    recorded_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, account, security_id)
);
COMMENT ON TABLE positions IS 'Positions of each model''s portfolio after the close of each session, and orders that wait.';
COMMENT ON COLUMN positions.date IS 'Exchange session.';
COMMENT ON COLUMN positions.model_id IS 'The model (models.id).';
COMMENT ON COLUMN positions.account IS 'Where it is held: simulated.';
COMMENT ON COLUMN positions.security_id IS 'The security.';
COMMENT ON COLUMN positions.shares IS 'Shares held, negative if sold short, in units of the session.';
COMMENT ON COLUMN positions.price IS 'Last known price of one share, in units of the session; null: none is known.';
COMMENT ON COLUMN positions.value IS 'Value of the shares at the last known price, in currency.';
COMMENT ON COLUMN positions.weight IS 'Value over the equity; null where equity is not positive.';
COMMENT ON COLUMN positions.target_weight IS 'Weight last traded to.';
COMMENT ON COLUMN positions.wanted_weight IS 'Weight to trade to next; differs from target_weight while an order waits, or where the rule of rebalancing leaves the position alone.';
COMMENT ON COLUMN positions.traded_ask IS 'Weight that the strategy asked for when the position was last traded, before it was scaled.';
COMMENT ON COLUMN positions.ask IS 'Weight that the strategy asks for now, before it is scaled.';
COMMENT ON COLUMN positions.is_due IS 'Whether an order waits whatever the rule of rebalancing says.';
COMMENT ON COLUMN positions.sessions_without_bar IS 'Sessions since the last bar, while there are shares.';
COMMENT ON COLUMN positions.is_retired IS 'Whether the reference data say that the security is delisted, and no bar came since.';
COMMENT ON COLUMN positions.sessions_held IS 'Sessions since the position was opened.';
COMMENT ON COLUMN positions.best_price IS 'Highest close since then, lowest of a short position; null without shares.';
COMMENT ON COLUMN positions.stop_price IS 'Price at which the position is left with a loss; null: none.';
COMMENT ON COLUMN positions.profit_price IS 'Price at which it is left with a profit; null: none.';
COMMENT ON COLUMN positions.trailing_stop IS 'Share below best_price at which it is left; null: none.';
COMMENT ON COLUMN positions.longest_hold IS 'Sessions after which it is left; null: never.';
COMMENT ON COLUMN positions.limit_price IS 'Price at which a waiting order is filled at worst; null: any.';
COMMENT ON COLUMN positions.trigger_price IS 'Price from which on a waiting order is made; null: any.';
COMMENT ON COLUMN positions.barred_ask IS 'While the strategy asks for this weight, nothing is bought after a stop; null: nothing bars it.';
COMMENT ON COLUMN positions.reason IS 'Why the next order would be made; see fills.reason.';
COMMENT ON COLUMN positions.recorded_at IS 'When the platform computed it.';
CREATE TABLE positions_history (LIKE positions INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE positions_history IS 'Rows of positions that were replaced or removed.';
COMMENT ON COLUMN positions_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX positions_history_date ON positions_history (date);

CREATE TABLE fills (
    date             date NOT NULL,
    model_id         integer NOT NULL REFERENCES models (id),
    account          text NOT NULL,
    security_id      text NOT NULL CHECK (security_id <> ''),
    number           integer NOT NULL CHECK (number >= 1),
    reason           text NOT NULL,
    shares           double precision NOT NULL CHECK (abs(shares) < 'Infinity' AND shares <> 0),
    price            double precision NOT NULL CHECK (price >= 0 AND price < 'Infinity'),
    reference_price  double precision NOT NULL CHECK (reference_price >= 0 AND reference_price < 'Infinity'),
    commission       double precision NOT NULL CHECK (commission >= 0),
    tax              double precision NOT NULL CHECK (tax >= 0),
    spread           double precision NOT NULL CHECK (spread >= 0),
    impact           double precision NOT NULL CHECK (impact >= 0),
    delay            double precision,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, account, security_id, number)
);
COMMENT ON TABLE fills IS 'Trades of each model''s portfolio, and other changes of its shares.';
COMMENT ON COLUMN fills.date IS 'Exchange session.';
COMMENT ON COLUMN fills.model_id IS 'The model (models.id).';
COMMENT ON COLUMN fills.account IS 'Where it is held: simulated.';
COMMENT ON COLUMN fills.security_id IS 'The security.';
COMMENT ON COLUMN fills.number IS 'Counts the fills of a security in a session, in their order.';
COMMENT ON COLUMN fills.reason IS 'Why: target, stop, take_profit, trailing_stop, time_stop, recall, delisted, cash_in_lieu, ruin or halt.';
COMMENT ON COLUMN fills.shares IS 'Shares bought, negative if sold.';
COMMENT ON COLUMN fills.price IS 'Price of the fill, in currency.';
COMMENT ON COLUMN fills.reference_price IS 'Price that the fill was made against, before spread and impact.';
COMMENT ON COLUMN fills.commission IS 'Commission, in currency.';
COMMENT ON COLUMN fills.tax IS 'Tax on the trade, in currency.';
COMMENT ON COLUMN fills.spread IS 'Cost of half the spread, in currency.';
COMMENT ON COLUMN fills.impact IS 'Cost of the order''s own impact on the price, in currency.';
COMMENT ON COLUMN fills.delay IS 'Shares × what the price did between the close before and the reference; no cost of the account''s, but of the time between decision and trade. Null where it is not known.';
COMMENT ON COLUMN fills.recorded_at IS 'When the platform computed it.';
CREATE TABLE fills_history (LIKE fills INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE fills_history IS 'Rows of fills that were replaced or removed.';
COMMENT ON COLUMN fills_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX fills_history_date ON fills_history (date);

CREATE TABLE pending_cash (
    date         date NOT NULL,
    model_id     integer NOT NULL REFERENCES models (id),
    account      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('dividend', 'settlement')),
    due_on       date NOT NULL,
    due_in       integer NOT NULL CHECK (due_in >= 0),
    amount       double precision NOT NULL CHECK (abs(amount) < 'Infinity' AND amount <> 0),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, account, kind, due_on, due_in)
);
COMMENT ON TABLE pending_cash IS 'Cash that each model''s portfolio is owed after the close of each session.';
COMMENT ON COLUMN pending_cash.date IS 'Exchange session.';
COMMENT ON COLUMN pending_cash.model_id IS 'The model (models.id).';
COMMENT ON COLUMN pending_cash.account IS 'Where it is held: simulated.';
COMMENT ON COLUMN pending_cash.kind IS 'dividend: of a position held on its ex-date; settlement: of a trade. Part of the cash already is a settlement, no part of it a dividend.';
COMMENT ON COLUMN pending_cash.due_on IS 'Day on which a dividend is paid; of a settlement the session.';
COMMENT ON COLUMN pending_cash.due_in IS 'Sessions until a trade is settled; 0 for dividends.';
COMMENT ON COLUMN pending_cash.amount IS 'Amount in currency; negative: the portfolio owes it.';
COMMENT ON COLUMN pending_cash.recorded_at IS 'When the platform computed it.';
CREATE TABLE pending_cash_history (LIKE pending_cash INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE pending_cash_history IS 'Rows of pending_cash that were replaced or removed.';
COMMENT ON COLUMN pending_cash_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX pending_cash_history_date ON pending_cash_history (date);

ALTER TABLE portfolios
    ADD COLUMN receivables double precision NOT NULL DEFAULT 0,
    ADD COLUMN interest double precision NOT NULL DEFAULT 0,
    ADD COLUMN borrow_fees double precision NOT NULL DEFAULT 0 CHECK (borrow_fees >= 0),
    ADD COLUMN halted boolean NOT NULL DEFAULT false,
    ADD COLUMN limits_exceeded integer NOT NULL DEFAULT 0 CHECK (limits_exceeded >= 0),
    ADD COLUMN highest_equity double precision,
    ADD COLUMN weight_factor double precision NOT NULL DEFAULT 1;
COMMENT ON COLUMN portfolios.receivables IS 'Dividends owed and not yet paid, in currency; part of equity.';
COMMENT ON COLUMN portfolios.interest IS 'Interest on the cash since the session before, in currency; paid: negative.';
COMMENT ON COLUMN portfolios.borrow_fees IS 'Fees for shares sold short since the session before, in currency.';
COMMENT ON COLUMN portfolios.halted IS 'Whether a limit halted the portfolio: it is closed out and trades no more until it is released.';
COMMENT ON COLUMN portfolios.limits_exceeded IS 'Limits exceeded in the session, a bit each from the lowest: name, sector, gross, net, beta, turnover, leverage, drawdown, daily_loss.';
COMMENT ON COLUMN portfolios.highest_equity IS 'Highest equity at any close so far, in currency.';
COMMENT ON COLUMN portfolios.weight_factor IS 'Factor by which a limit scales all weights in the next session.';
COMMENT ON COLUMN portfolios.costs IS 'Commission, tax, spread and impact of the session''s fills, in currency.';
COMMENT ON COLUMN portfolios.equity IS 'Cash, dividends owed and positions at the close, in currency.';
COMMENT ON COLUMN portfolios.turnover IS 'Value traded over the equity that orders were sized from; null where that is not positive.';
ALTER TABLE portfolios_history
    ADD COLUMN receivables double precision NOT NULL DEFAULT 0,
    ADD COLUMN interest double precision NOT NULL DEFAULT 0,
    ADD COLUMN borrow_fees double precision NOT NULL DEFAULT 0,
    ADD COLUMN halted boolean NOT NULL DEFAULT false,
    ADD COLUMN limits_exceeded integer NOT NULL DEFAULT 0,
    ADD COLUMN highest_equity double precision,
    ADD COLUMN weight_factor double precision NOT NULL DEFAULT 1;
COMMENT ON COLUMN portfolios_history.receivables IS 'Dividends owed and not yet paid, in currency; part of equity.';
COMMENT ON COLUMN portfolios_history.interest IS 'Interest on the cash since the session before, in currency; paid: negative.';
COMMENT ON COLUMN portfolios_history.borrow_fees IS 'Fees for shares sold short since the session before, in currency.';
COMMENT ON COLUMN portfolios_history.halted IS 'Whether a limit halted the portfolio: it is closed out and trades no more until it is released.';
COMMENT ON COLUMN portfolios_history.limits_exceeded IS 'Limits exceeded in the session, a bit each from the lowest: name, sector, gross, net, beta, turnover, leverage, drawdown, daily_loss.';
COMMENT ON COLUMN portfolios_history.highest_equity IS 'Highest equity at any close so far, in currency.';
COMMENT ON COLUMN portfolios_history.weight_factor IS 'Factor by which a limit scales all weights in the next session.';
COMMENT ON COLUMN portfolios_history.costs IS 'Commission, tax, spread and impact of the session''s fills, in currency.';
COMMENT ON COLUMN portfolios_history.equity IS 'Cash, dividends owed and positions at the close, in currency.';
COMMENT ON COLUMN portfolios_history.turnover IS 'Value traded over the equity that orders were sized from; null where that is not positive.';

UPDATE portfolios SET highest_equity = before.highest FROM (
    SELECT date, model_id, max(equity) OVER (PARTITION BY model_id ORDER BY date) AS highest FROM portfolios
) AS before WHERE before.date = portfolios.date AND before.model_id = portfolios.model_id;
UPDATE portfolios_history SET highest_equity = equity;
ALTER TABLE portfolios
    ALTER COLUMN highest_equity SET NOT NULL,
    ADD CHECK (abs(highest_equity) < 'Infinity'),
    ADD CHECK (abs(receivables) < 'Infinity'),
    ADD CHECK (abs(interest) < 'Infinity'),
    ADD CHECK (weight_factor > 0 AND weight_factor <= 1);
ALTER TABLE portfolios_history ALTER COLUMN highest_equity SET NOT NULL;

INSERT INTO positions (
    date, model_id, account, security_id, shares, price, value, weight, target_weight, wanted_weight, traded_ask, ask, is_due,
    sessions_without_bar, is_retired, sessions_held, reason, recorded_at
)
SELECT date, model_id, 'simulated', held.key, shares, (held.value ->> 'price')::double precision,
    (held.value ->> 'value')::double precision, (held.value ->> 'weight')::double precision, target, wanted,
    coalesce((held.value ->> 'asked')::double precision, target),
    coalesce((held.value ->> 'asking')::double precision, wanted),
    coalesce((held.value ->> 'due')::boolean, false), coalesce((held.value ->> 'idle')::integer, 0),
    coalesce((held.value ->> 'retired')::boolean, false), 0, 'target', recorded_at
FROM portfolios, jsonb_each(positions) AS held (key, value),
    LATERAL (SELECT (held.value ->> 'shares')::double precision AS shares,
        (held.value ->> 'target')::double precision AS target) AS numbers,
    LATERAL (SELECT coalesce((held.value ->> 'wanted')::double precision, target) AS wanted) AS now;
INSERT INTO fills (
    date, model_id, account, security_id, number, reason, shares, price, reference_price, commission, tax, spread, impact,
    recorded_at
)
SELECT date, model_id, 'simulated', fill ->> 'symbol', 1, 'target', shares, price,
    price - sign(shares) * spread / abs(shares), (fill ->> 'commission')::double precision, 0, spread, 0, recorded_at
FROM portfolios, jsonb_array_elements(trades) AS fill,
    LATERAL (SELECT (fill ->> 'shares')::double precision AS shares, (fill ->> 'price')::double precision AS price,
        (fill ->> 'slippage')::double precision AS spread) AS numbers
WHERE shares <> 0;
INSERT INTO fills (
    date, model_id, account, security_id, number, reason, shares, price, reference_price, commission, tax, spread, impact,
    recorded_at
)
SELECT date, model_id, 'simulated', security_id, 2, 'delisted', -shares, last_price * (1 + delisting_return),
    last_price * (1 + delisting_return), 0, 0, 0, 0, recorded_at
FROM closed_positions;

INSERT INTO positions_history (
    date, model_id, account, security_id, shares, price, value, weight, target_weight, wanted_weight, traded_ask, ask, is_due,
    sessions_without_bar, is_retired, sessions_held, reason, recorded_at, superseded_at
)
SELECT date, model_id, 'simulated', held.key, shares, (held.value ->> 'price')::double precision,
    (held.value ->> 'value')::double precision, (held.value ->> 'weight')::double precision, target, wanted,
    coalesce((held.value ->> 'asked')::double precision, target),
    coalesce((held.value ->> 'asking')::double precision, wanted),
    coalesce((held.value ->> 'due')::boolean, false), coalesce((held.value ->> 'idle')::integer, 0),
    coalesce((held.value ->> 'retired')::boolean, false), 0, 'target', recorded_at, portfolios_history.superseded_at
FROM portfolios_history, jsonb_each(positions) AS held (key, value),
    LATERAL (SELECT (held.value ->> 'shares')::double precision AS shares,
        (held.value ->> 'target')::double precision AS target) AS numbers,
    LATERAL (SELECT coalesce((held.value ->> 'wanted')::double precision, target) AS wanted) AS now;
INSERT INTO fills_history (
    date, model_id, account, security_id, number, reason, shares, price, reference_price, commission, tax, spread, impact,
    recorded_at, superseded_at
)
SELECT date, model_id, 'simulated', fill ->> 'symbol', 1, 'target', shares, price,
    price - sign(shares) * spread / abs(shares), (fill ->> 'commission')::double precision, 0, spread, 0, recorded_at, portfolios_history.superseded_at
FROM portfolios_history, jsonb_array_elements(trades) AS fill,
    LATERAL (SELECT (fill ->> 'shares')::double precision AS shares, (fill ->> 'price')::double precision AS price,
        (fill ->> 'slippage')::double precision AS spread) AS numbers
WHERE shares <> 0;
INSERT INTO fills_history (
    date, model_id, account, security_id, number, reason, shares, price, reference_price, commission, tax, spread, impact,
    recorded_at, superseded_at
)
SELECT date, model_id, 'simulated', security_id, 2, 'delisted', -shares, last_price * (1 + delisting_return),
    last_price * (1 + delisting_return), 0, 0, 0, 0, recorded_at, superseded_at
FROM closed_positions_history;

ALTER TABLE portfolios DROP COLUMN positions, DROP COLUMN trades;
ALTER TABLE portfolios_history DROP COLUMN positions, DROP COLUMN trades;

ALTER TABLE corporate_actions ADD COLUMN paid_on date;
ALTER TABLE corporate_actions_history ADD COLUMN paid_on date;
ALTER TABLE doubtful_dividends ADD COLUMN paid_on date;
ALTER TABLE doubtful_dividends_history ADD COLUMN paid_on date;
COMMENT ON COLUMN corporate_actions.paid_on IS 'Day on which a dividend is paid; null where the vendor does not say, and for splits.';
COMMENT ON COLUMN corporate_actions_history.paid_on IS 'Day on which a dividend is paid; null where the vendor does not say, and for splits.';
COMMENT ON COLUMN doubtful_dividends.paid_on IS 'Day on which a dividend is paid; null where the vendor does not say, and for splits.';
COMMENT ON COLUMN doubtful_dividends_history.paid_on IS 'Day on which a dividend is paid; null where the vendor does not say, and for splits.';
