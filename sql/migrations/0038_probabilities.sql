-- How probable it is that a signal's sign is right, and how well such probabilities were calibrated.

CREATE TABLE signal_probabilities (
    date        date NOT NULL,
    model_id    integer NOT NULL,
    symbol      text NOT NULL,
    security_id text NOT NULL,
    horizon     smallint NOT NULL CHECK (horizon BETWEEN 1 AND 252),
    probability double precision NOT NULL CHECK (probability BETWEEN 0 AND 1),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, symbol)
);
COMMENT ON TABLE signal_probabilities IS 'How probable it is that the sign of a buy or sell signal is right, calibrated on outcomes known before; no row where too few were.';
COMMENT ON COLUMN signal_probabilities.date IS 'Session of the signal, after whose close the probability was known.';
COMMENT ON COLUMN signal_probabilities.model_id IS 'The model (models.id).';
COMMENT ON COLUMN signal_probabilities.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN signal_probabilities.security_id IS 'The security.';
COMMENT ON COLUMN signal_probabilities.horizon IS 'Sessions over which the sign is to be right, from the next open to an open.';
COMMENT ON COLUMN signal_probabilities.probability IS 'Probability that the total return over the horizon has the sign of the signal.';
COMMENT ON COLUMN signal_probabilities.recorded_at IS 'When the platform computed it.';
CREATE TABLE signal_probabilities_history (LIKE signal_probabilities INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE signal_probabilities_history IS 'Rows of signal_probabilities that were replaced or removed.';
COMMENT ON COLUMN signal_probabilities_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX signal_probabilities_history_date ON signal_probabilities_history (date);

CREATE TABLE signal_calibration (
    date                       date NOT NULL,
    model_id                   integer NOT NULL REFERENCES models (id),
    horizon                    smallint NOT NULL CHECK (horizon BETWEEN 1 AND 252),
    method                     text NOT NULL CHECK (method IN ('isotonic', 'platt', 'base rate', 'none')),
    fitted                     integer NOT NULL CHECK (fitted >= 0),
    outcomes                   integer NOT NULL CHECK (outcomes >= 0),
    base_rate                  double precision CHECK (base_rate BETWEEN 0 AND 1),
    brier                      double precision CHECK (brier BETWEEN 0 AND 1),
    reliability                double precision CHECK (reliability >= 0),
    resolution                 double precision CHECK (resolution >= 0),
    uncertainty                double precision CHECK (uncertainty >= 0),
    within_bins                double precision CHECK (abs(within_bins) < 'Infinity'),
    expected_calibration_error double precision CHECK (expected_calibration_error BETWEEN 0 AND 1),
    recorded_at                timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id)
);
COMMENT ON TABLE signal_calibration IS 'How well the probabilities of each model''s signals were calibrated, over the outcomes that became known in the last 252 sessions.';
COMMENT ON COLUMN signal_calibration.date IS 'Session after whose close the figures were known.';
COMMENT ON COLUMN signal_calibration.model_id IS 'The model (models.id).';
COMMENT ON COLUMN signal_calibration.horizon IS 'Sessions over which a signal''s sign is to be right.';
COMMENT ON COLUMN signal_calibration.method IS 'What gives the session''s probabilities: isotonic, platt, base rate (the share of hits for every signal), or none where too few outcomes are known.';
COMMENT ON COLUMN signal_calibration.fitted IS 'Outcomes that this was fitted to.';
COMMENT ON COLUMN signal_calibration.outcomes IS 'Signals with a probability whose outcome became known in the last 252 sessions; the figures are of these, and null without any.';
COMMENT ON COLUMN signal_calibration.base_rate IS 'Share of them that were right.';
COMMENT ON COLUMN signal_calibration.brier IS 'Brier score: mean squared difference of probability and outcome; reliability − resolution + uncertainty + within_bins.';
COMMENT ON COLUMN signal_calibration.reliability IS 'Mean squared distance of probability and frequency over ten bins; lower is better.';
COMMENT ON COLUMN signal_calibration.resolution IS 'Mean squared distance of the bins'' frequencies from the base rate; higher is better.';
COMMENT ON COLUMN signal_calibration.uncertainty IS 'Brier score of the base rate itself.';
COMMENT ON COLUMN signal_calibration.within_bins IS 'What varies within the bins.';
COMMENT ON COLUMN signal_calibration.expected_calibration_error IS 'Mean distance of probability and frequency over ten bins.';
COMMENT ON COLUMN signal_calibration.recorded_at IS 'When the platform computed it.';
CREATE TABLE signal_calibration_history (LIKE signal_calibration INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE signal_calibration_history IS 'Rows of signal_calibration that were replaced or removed.';
COMMENT ON COLUMN signal_calibration_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX signal_calibration_history_date ON signal_calibration_history (date);

CREATE TABLE signal_calibration_bins (
    date        date NOT NULL,
    model_id    integer NOT NULL REFERENCES models (id),
    bin         smallint NOT NULL CHECK (bin BETWEEN 0 AND 9),
    outcomes    integer NOT NULL CHECK (outcomes > 0),
    probability double precision NOT NULL CHECK (probability BETWEEN 0 AND 1),
    frequency   double precision NOT NULL CHECK (frequency BETWEEN 0 AND 1),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, bin)
);
COMMENT ON TABLE signal_calibration_bins IS 'The reliability curve behind each row of signal_calibration; bins without an outcome have no row.';
COMMENT ON COLUMN signal_calibration_bins.date IS 'Session after whose close the figures were known.';
COMMENT ON COLUMN signal_calibration_bins.model_id IS 'The model (models.id).';
COMMENT ON COLUMN signal_calibration_bins.bin IS 'Tenth of the probability, 0 to 9.';
COMMENT ON COLUMN signal_calibration_bins.outcomes IS 'Outcomes of the last 252 sessions whose probability lay in the bin.';
COMMENT ON COLUMN signal_calibration_bins.probability IS 'Their mean probability.';
COMMENT ON COLUMN signal_calibration_bins.frequency IS 'Share of them that were right.';
COMMENT ON COLUMN signal_calibration_bins.recorded_at IS 'When the platform computed it.';
CREATE TABLE signal_calibration_bins_history (LIKE signal_calibration_bins INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE signal_calibration_bins_history IS 'Rows of signal_calibration_bins that were replaced or removed.';
COMMENT ON COLUMN signal_calibration_bins_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX signal_calibration_bins_history_date ON signal_calibration_bins_history (date);

-- As for signals: a row's model exists, looked up once per statement.
CREATE OR REPLACE FUNCTION keep_models_of_rows() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    lost integer;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported USING
            MESSAGE = 'models are removed or renumbered by a transaction that reads what others committed meanwhile',
            HINT = 'Use the isolation level READ COMMITTED.';
    END IF;
    FOREACH name IN ARRAY ARRAY['signals', 'positions', 'fills', 'pending_cash', 'book_holdings', 'forecasts',
            'signal_probabilities'] LOOP
        EXECUTE format('SELECT model_id FROM %1$I.%2$I AS t'
            ' WHERE NOT EXISTS (SELECT FROM %1$I.models WHERE id = t.model_id) LIMIT 1', TG_TABLE_SCHEMA, name)
            INTO lost;
        IF lost IS NOT NULL THEN
            RAISE foreign_key_violation USING
                MESSAGE = format('a model that has rows in %I cannot be removed', name),
                DETAIL = format('Key (id)=(%s) is still referenced from table "%s".', lost, name),
                SCHEMA = TG_TABLE_SCHEMA, TABLE = name, COLUMN = 'model_id';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER models_insert AFTER INSERT ON signal_probabilities
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_models();
CREATE TRIGGER models_update AFTER UPDATE ON signal_probabilities
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_models();

-- A copy beside each signal, kept per statement. It is no part of what a model said: created_at stays, and so does the
-- row's place in the history.
ALTER TABLE signals ADD COLUMN probability double precision;
ALTER TABLE signals_history ADD COLUMN probability double precision;
COMMENT ON COLUMN signals.probability IS 'Copy of signal_probabilities.probability, kept by triggers; null where there is none. Its own history is in signal_probabilities_history.';
COMMENT ON COLUMN signals_history.probability IS 'Copy of signal_probabilities.probability, kept by triggers; null where there is none. Its own history is in signal_probabilities_history.';

-- Who writes signals and who writes probabilities wait for each other, so that each sees what the other wrote.
CREATE FUNCTION lock_probabilities() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_ARGV[0] = 'alone' THEN
        PERFORM pg_advisory_xact_lock(hashtext('quant_platform probabilities'), hashtext(TG_TABLE_SCHEMA));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(hashtext('quant_platform probabilities'), hashtext(TG_TABLE_SCHEMA));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION lock_probabilities() IS 'Makes writers of signals and writers of their probabilities wait for each other.';

CREATE FUNCTION copy_probabilities() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date;
    last date;
    found boolean;
BEGIN
    IF TG_TABLE_NAME = 'signals' THEN
        SELECT min(date), max(date) INTO first, last FROM changed;
        EXECUTE format('SELECT true FROM %I.signal_probabilities WHERE date BETWEEN $1 AND $2'
            ' ORDER BY date LIMIT 1', TG_TABLE_SCHEMA) INTO found USING first, last;
        IF found THEN
            EXECUTE format('UPDATE %1$I.signals AS s SET probability = p.probability'
                ' FROM changed AS c JOIN %1$I.signal_probabilities AS p USING (date, model_id, symbol)'
                ' WHERE c.signal_type <> 0 AND s.date = c.date AND s.model_id = c.model_id'
                ' AND s.symbol = c.symbol', TG_TABLE_SCHEMA);
        END IF;
    ELSE
        EXECUTE format('UPDATE %I.signals AS s SET probability = ' || TG_ARGV[0] || ' FROM changed AS c'
            ' WHERE s.date = c.date AND s.model_id = c.model_id AND s.symbol = c.symbol', TG_TABLE_SCHEMA);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION copy_probabilities() IS 'Keeps signals.probability as signal_probabilities has it.';

CREATE TRIGGER probabilities_lock BEFORE INSERT OR DELETE ON signals
    FOR EACH STATEMENT EXECUTE FUNCTION lock_probabilities('beside others');
CREATE TRIGGER probabilities_insert AFTER INSERT ON signals
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION copy_probabilities();
CREATE TRIGGER probabilities_lock BEFORE INSERT OR UPDATE OR DELETE ON signal_probabilities
    FOR EACH STATEMENT EXECUTE FUNCTION lock_probabilities('alone');
-- In the order of their names: an update forgets first.
CREATE TRIGGER probabilities_1_delete AFTER DELETE ON signal_probabilities
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION copy_probabilities('NULL');
CREATE TRIGGER probabilities_1_update AFTER UPDATE ON signal_probabilities
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION copy_probabilities('NULL');
CREATE TRIGGER probabilities_2_insert AFTER INSERT ON signal_probabilities
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION copy_probabilities('c.probability');
CREATE TRIGGER probabilities_2_update AFTER UPDATE ON signal_probabilities
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION copy_probabilities('c.probability');
