-- Which security a ticker meant in each session, and what the vendor was asked for.
-- Rows of markets whose vendor gives one symbol per security carry the symbol as security_id.

CREATE TABLE securities (
    date              date NOT NULL,
    security_id       text NOT NULL CHECK (security_id <> ''),
    figi              text,
    share_class_figi  text,
    cik               text,
    company_name      text,
    security_type     text,
    exchange          text,
    sector            text,
    list_date         date,
    delisted_on       date,
    evidence          text NOT NULL CHECK (evidence IN ('figi', 'reference', 'bars')),
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, security_id)
);
COMMENT ON TABLE securities IS 'Descriptions of securities; a row holds from its session until the next row of the same security.';
COMMENT ON COLUMN securities.date IS 'Session from which the description holds.';
COMMENT ON COLUMN securities.security_id IS 'Permanent name of the security: its composite FIGI where one was known at first sight, else TICKER@first-session.';
COMMENT ON COLUMN securities.figi IS 'Composite FIGI.';
COMMENT ON COLUMN securities.share_class_figi IS 'Share class FIGI.';
COMMENT ON COLUMN securities.cik IS 'The issuer''s number at the SEC.';
COMMENT ON COLUMN securities.company_name IS 'Name of the issuer.';
COMMENT ON COLUMN securities.security_type IS 'The vendor''s code: CS common stock, ADRC depositary receipt, ETF, and others.';
COMMENT ON COLUMN securities.exchange IS 'MIC of the primary exchange.';
COMMENT ON COLUMN securities.sector IS 'Sector or line of business of the issuer.';
COMMENT ON COLUMN securities.list_date IS 'First day of trading, as the vendor says.';
COMMENT ON COLUMN securities.delisted_on IS 'Day of the delisting.';
COMMENT ON COLUMN securities.evidence IS 'What the identity rests on: figi, reference (a listing without a FIGI), or bars alone: a security no reference names.';
COMMENT ON COLUMN securities.recorded_at IS 'When the platform learned it.';

CREATE TABLE security_symbols (
    date         date NOT NULL,
    symbol       text NOT NULL,
    security_id  text,
    reason       text NOT NULL CHECK (reason IN ('listed', 'new', 'renamed', 'reused', 'retired', 'conflict')),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, symbol)
);
COMMENT ON TABLE security_symbols IS 'What a ticker means from a session on; see the view symbol_ranges for from and to.';
COMMENT ON COLUMN security_symbols.date IS 'First session in which the ticker has this meaning.';
COMMENT ON COLUMN security_symbols.symbol IS 'Ticker.';
COMMENT ON COLUMN security_symbols.security_id IS 'The security it means from then on; null: none.';
COMMENT ON COLUMN security_symbols.reason IS 'Why the meaning changed: listed, new, renamed, reused, retired, or conflict (two securities claim it).';
COMMENT ON COLUMN security_symbols.recorded_at IS 'When the platform learned it.';

CREATE VIEW symbol_ranges AS
SELECT security_id, symbol, first_session, last_day FROM (
    SELECT security_id, symbol, date AS first_session,
           lead(date) OVER (PARTITION BY symbol ORDER BY date) - 1 AS last_day
    FROM security_symbols
) AS meanings WHERE security_id IS NOT NULL;
COMMENT ON VIEW symbol_ranges IS 'Which ticker a security carried, from when to when.';
COMMENT ON COLUMN symbol_ranges.security_id IS 'The security.';
COMMENT ON COLUMN symbol_ranges.symbol IS 'Ticker it carried.';
COMMENT ON COLUMN symbol_ranges.first_session IS 'First session in which it carried it.';
COMMENT ON COLUMN symbol_ranges.last_day IS 'Last day on which it carried it; null: it still does.';

CREATE TABLE ingestions (
    date          date NOT NULL,
    source        text NOT NULL,
    status        text NOT NULL CHECK (status IN ('complete', 'pending', 'failed')),
    reason        text NOT NULL DEFAULT '',
    rows          integer NOT NULL DEFAULT 0 CHECK (rows >= 0),
    etag          text NOT NULL DEFAULT '',
    lineage       text NOT NULL DEFAULT '',
    requested_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, source)
);
COMMENT ON TABLE ingestions IS 'What became of the last request of each session to the vendor; committed together with the session''s rows.';
COMMENT ON COLUMN ingestions.date IS 'Exchange session.';
COMMENT ON COLUMN ingestions.source IS 'Vendor asked.';
COMMENT ON COLUMN ingestions.status IS 'complete: the rows are stored; pending: not published yet; failed: see reason.';
COMMENT ON COLUMN ingestions.reason IS 'Why it is not complete.';
COMMENT ON COLUMN ingestions.rows IS 'Rows stored.';
COMMENT ON COLUMN ingestions.etag IS 'Version of the vendor''s file, where it was one.';
COMMENT ON COLUMN ingestions.lineage IS 'Run (with its retries) that asked: the same run does not ask twice.';
COMMENT ON COLUMN ingestions.requested_at IS 'When it was asked.';

ALTER TABLE market_data
    ADD COLUMN vwap double precision CHECK (vwap > 0 AND vwap < 'Infinity'),
    ADD COLUMN trade_count double precision CHECK (trade_count >= 0 AND trade_count < 'Infinity'),
    ADD COLUMN security_id text,
    -- Dearer than any share ever was (Berkshire Hathaway's reached a million); a vendor once sent 1e11.
    ADD CONSTRAINT market_data_plausible_price CHECK (high_price <= 10000000);
ALTER TABLE trading_universe
    ADD COLUMN security_type text,
    ADD COLUMN security_id text;
ALTER TABLE corporate_actions ADD COLUMN security_id text;
ALTER TABLE features ADD COLUMN security_id text;
ALTER TABLE signals ADD COLUMN security_id text;
ALTER TABLE market_data_history ADD COLUMN vwap double precision, ADD COLUMN trade_count double precision, ADD COLUMN security_id text;
ALTER TABLE trading_universe_history ADD COLUMN security_type text, ADD COLUMN security_id text;
ALTER TABLE corporate_actions_history ADD COLUMN security_id text;
ALTER TABLE features_history ADD COLUMN security_id text;
ALTER TABLE signals_history ADD COLUMN security_id text;

-- Until now every symbol was a security.
UPDATE market_data SET security_id = symbol;
UPDATE trading_universe SET security_id = symbol;
UPDATE corporate_actions SET security_id = symbol;
UPDATE features SET security_id = symbol;
UPDATE signals SET security_id = symbol;
UPDATE market_data_history SET security_id = symbol;
UPDATE trading_universe_history SET security_id = symbol;
UPDATE corporate_actions_history SET security_id = symbol;
UPDATE features_history SET security_id = symbol;
UPDATE signals_history SET security_id = symbol;

ALTER TABLE market_data ALTER COLUMN security_id SET NOT NULL;
ALTER TABLE trading_universe
    ALTER COLUMN security_id SET NOT NULL,
    ALTER COLUMN company_name DROP NOT NULL,
    ALTER COLUMN sector DROP NOT NULL;
ALTER TABLE features ALTER COLUMN security_id SET NOT NULL;
ALTER TABLE signals ALTER COLUMN security_id SET NOT NULL;

COMMENT ON COLUMN market_data.vwap IS 'Average price of the session weighted by volume, not adjusted.';
COMMENT ON COLUMN market_data.trade_count IS 'Number of trades.';
COMMENT ON COLUMN market_data.security_id IS 'The security that the ticker meant (securities.security_id).';
COMMENT ON COLUMN trading_universe.security_type IS 'The vendor''s code: CS common stock, ETF, and others.';
COMMENT ON COLUMN trading_universe.security_id IS 'The security (securities.security_id).';
COMMENT ON COLUMN corporate_actions.security_id IS 'The security that the ticker meant; null: no known security carried it.';
COMMENT ON COLUMN features.security_id IS 'The security whose bars the features follow, whatever its ticker was.';
COMMENT ON COLUMN signals.security_id IS 'The security (securities.security_id).';

COMMENT ON COLUMN market_data_history.vwap IS 'Average price of the session weighted by volume, not adjusted.';
COMMENT ON COLUMN market_data_history.trade_count IS 'Number of trades.';
COMMENT ON COLUMN market_data_history.security_id IS 'The security that the ticker meant (securities.security_id).';
COMMENT ON COLUMN trading_universe_history.security_type IS 'The vendor''s code: CS common stock, ETF, and others.';
COMMENT ON COLUMN trading_universe_history.security_id IS 'The security (securities.security_id).';
COMMENT ON COLUMN corporate_actions_history.security_id IS 'The security that the ticker meant; null: no known security carried it.';
COMMENT ON COLUMN features_history.security_id IS 'The security whose bars the features follow, whatever its ticker was.';
COMMENT ON COLUMN signals_history.security_id IS 'The security (securities.security_id).';

CREATE OR REPLACE VIEW feature_store AS
SELECT f.symbol, f.date, to_jsonb(f) - ARRAY['symbol', 'date', 'security_id', 'recorded_at'] AS features, f.recorded_at
FROM features f;

CREATE TABLE securities_history (LIKE securities INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE securities_history IS 'Rows of securities that were replaced or removed.';
COMMENT ON COLUMN securities_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX securities_history_date ON securities_history (date);

CREATE TABLE security_symbols_history (LIKE security_symbols INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE security_symbols_history IS 'Rows of security_symbols that were replaced or removed.';
COMMENT ON COLUMN security_symbols_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX security_symbols_history_date ON security_symbols_history (date);
