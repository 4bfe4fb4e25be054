-- The ledger: every configuration that was simulated is counted once, and each time that it was run is kept under it.

ALTER TABLE trials RENAME TO trials_before;
ALTER INDEX trials_pkey RENAME TO trials_before_pkey;
ALTER INDEX trials_sweep RENAME TO trials_before_sweep;

CREATE TABLE studies (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name <> '' AND length(name) <= 200),
    person      text NOT NULL CHECK (length(person) <= 200),
    declared    boolean NOT NULL,
    hypothesis  text CHECK (length(hypothesis) <= 10000),
    metric      text CHECK (length(metric) <= 200),
    budget      integer CHECK (budget > 0),
    give_up     text CHECK (length(give_up) <= 10000),
    login       text NOT NULL DEFAULT session_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE studies IS 'Questions that trials were run for: what was expected before the first of them, and how many were allowed. Rows are never changed.';
COMMENT ON COLUMN studies.id IS 'Number of the study.';
COMMENT ON COLUMN studies.name IS 'Its name; of what nobody declared: the person and the day. The daily models are the study `pipeline`.';
COMMENT ON COLUMN studies.person IS 'Who began it, as their system calls them.';
COMMENT ON COLUMN studies.declared IS 'Whether somebody declared it before the first trial.';
COMMENT ON COLUMN studies.hypothesis IS 'What was expected.';
COMMENT ON COLUMN studies.metric IS 'Figure by which trials are compared.';
COMMENT ON COLUMN studies.budget IS 'Number of trials; with more the study is exploratory. Null: none was stated.';
COMMENT ON COLUMN studies.give_up IS 'When it is given up, in words.';
COMMENT ON COLUMN studies.login IS 'Login of the database that wrote the row.';
COMMENT ON COLUMN studies.created_at IS 'When it was written: with its first trial.';

CREATE TABLE trial_sources (
    digest      text PRIMARY KEY CHECK (digest <> '' AND length(digest) <= 64),
    source      text NOT NULL CHECK (length(source) <= 1000000),
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE trial_sources IS 'Source of strategies and features that are no files of the package. Rows are never changed.';
COMMENT ON COLUMN trial_sources.digest IS 'The `source_digest` of trials.';
COMMENT ON COLUMN trial_sources.source IS 'The text, with that of what it refers to.';
COMMENT ON COLUMN trial_sources.created_at IS 'When it was written.';

CREATE TABLE trials (
    id                text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{32}$'),
    strategy          text NOT NULL CHECK (strategy <> '' AND length(strategy) <= 1000),
    strategy_version  text NOT NULL CHECK (length(strategy_version) <= 1000),
    source_digest     text NOT NULL CHECK (length(source_digest) <= 64),
    parameters        jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    universe          text NOT NULL,
    first_session     date,
    last_session      date CHECK (last_session >= first_session),
    costs             jsonb NOT NULL CHECK (jsonb_typeof(costs) = 'object'),
    limits            jsonb NOT NULL CHECK (jsonb_typeof(limits) = 'object'),
    delistings        jsonb NOT NULL CHECK (jsonb_typeof(delistings) = 'object'),
    capital           double precision NOT NULL CHECK (capital > 0 AND capital < 'Infinity'),
    risk_free         double precision NOT NULL CHECK (abs(risk_free) < 'Infinity'),
    benchmark         text NOT NULL CHECK (length(benchmark) <= 10000),
    created_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE trials IS 'Configurations of strategies that were simulated and could be looked at, each counted once, however often it was run. Rows are never changed.';
COMMENT ON COLUMN trials.id IS 'Digest of the other columns: equal content is one row. Versions of data and of the platform are those of its runs.';
COMMENT ON COLUMN trials.strategy IS 'Name of the model, strategy, book or function.';
COMMENT ON COLUMN trials.strategy_version IS 'Its version.';
COMMENT ON COLUMN trials.source_digest IS 'Digest of the source of the strategy and of the features that it reads; `trial_sources` has it where it is no file of the package.';
COMMENT ON COLUMN trials.parameters IS 'All of its parameters, those at their defaults included.';
COMMENT ON COLUMN trials.universe IS 'Rule of the trading universe; empty: unknown.';
COMMENT ON COLUMN trials.first_session IS 'First session; null: the first that is stored.';
COMMENT ON COLUMN trials.last_session IS 'Last session; null: the last that is stored, whichever that is.';
COMMENT ON COLUMN trials.costs IS 'What was assumed of trading.';
COMMENT ON COLUMN trials.limits IS 'How much the portfolio was allowed to hold and lose.';
COMMENT ON COLUMN trials.delistings IS 'What was assumed of securities that stop trading.';
COMMENT ON COLUMN trials.capital IS 'Cash to start with, in currency.';
COMMENT ON COLUMN trials.risk_free IS 'Annual rate, as a fraction, in sessions without a known Treasury yield.';
COMMENT ON COLUMN trials.benchmark IS 'What alpha, beta and excess return refer to.';
COMMENT ON COLUMN trials.created_at IS 'When it was counted.';

CREATE TABLE study_trials (
    study_id    bigint NOT NULL REFERENCES studies (id),
    trial_id    text NOT NULL REFERENCES trials (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (study_id, trial_id)
);
COMMENT ON TABLE study_trials IS 'Which trials somebody looked at in a study. Rows are never changed.';
COMMENT ON COLUMN study_trials.study_id IS 'The study.';
COMMENT ON COLUMN study_trials.trial_id IS 'The trial.';
COMMENT ON COLUMN study_trials.created_at IS 'When it was looked at for the first time there.';

CREATE TABLE trial_runs (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trial_id               text NOT NULL REFERENCES trials (id),
    study_id               bigint NOT NULL REFERENCES studies (id),
    digest                 text NOT NULL CHECK (digest ~ '^[0-9a-f]{32}$'),
    origin                 text NOT NULL CHECK (origin IN ('asset', 'command', 'notebook', 'sweep')),
    sweep_id               text CHECK (length(sweep_id) <= 200),
    code_version           text NOT NULL CHECK (length(code_version) <= 1000),
    data_version           text NOT NULL CHECK (length(data_version) <= 1000),
    first_session          date NOT NULL,
    last_session           date NOT NULL CHECK (last_session >= first_session),
    seed                   bigint,
    person                 text NOT NULL CHECK (length(person) <= 200),
    login                  text NOT NULL DEFAULT session_user,
    host                   text NOT NULL CHECK (length(host) <= 1000),
    seconds                double precision CHECK (seconds >= 0 AND seconds < 'Infinity'),
    total_return           double precision CHECK (abs(total_return) < 'Infinity'),
    annualized_return      double precision CHECK (abs(annualized_return) < 'Infinity'),
    excess_return          double precision CHECK (abs(excess_return) < 'Infinity'),
    annualized_volatility  double precision CHECK (abs(annualized_volatility) < 'Infinity'),
    sharpe_ratio           double precision CHECK (abs(sharpe_ratio) < 'Infinity'),
    sharpe_lower_95        double precision CHECK (abs(sharpe_lower_95) < 'Infinity'),
    sharpe_upper_95        double precision CHECK (abs(sharpe_upper_95) < 'Infinity'),
    sortino_ratio          double precision CHECK (abs(sortino_ratio) < 'Infinity'),
    calmar_ratio           double precision CHECK (abs(calmar_ratio) < 'Infinity'),
    max_drawdown           double precision CHECK (abs(max_drawdown) < 'Infinity'),
    max_drawdown_sessions  double precision CHECK (abs(max_drawdown_sessions) < 'Infinity'),
    win_rate               double precision CHECK (abs(win_rate) < 'Infinity'),
    profit_factor          double precision CHECK (abs(profit_factor) < 'Infinity'),
    turnover               double precision CHECK (abs(turnover) < 'Infinity'),
    average_exposure       double precision CHECK (abs(average_exposure) < 'Infinity'),
    trade_count            double precision CHECK (abs(trade_count) < 'Infinity'),
    hit_rate               double precision CHECK (abs(hit_rate) < 'Infinity'),
    alpha                  double precision CHECK (abs(alpha) < 'Infinity'),
    beta                   double precision CHECK (abs(beta) < 'Infinity'),
    daily_returns          real[],
    failed                 text CHECK (length(failed) <= 10000),
    created_at             timestamptz NOT NULL DEFAULT now(),
    CHECK ((failed IS NULL) = (daily_returns IS NOT NULL))
);
COMMENT ON TABLE trial_runs IS 'Runs of trials: what came of a configuration, on which data and by which code. Figures are defined in docs/conventions.md. Rows are never changed.';
COMMENT ON COLUMN trial_runs.id IS 'Number of the run.';
COMMENT ON COLUMN trial_runs.trial_id IS 'What was run.';
COMMENT ON COLUMN trial_runs.study_id IS 'For which study.';
COMMENT ON COLUMN trial_runs.digest IS 'Digest of trial, code, data and sessions: the same again is one row, a failure and a result two.';
COMMENT ON COLUMN trial_runs.origin IS 'Who ran it: asset (the daily models), command, notebook or sweep.';
COMMENT ON COLUMN trial_runs.sweep_id IS 'The sweep that it belongs to.';
COMMENT ON COLUMN trial_runs.code_version IS 'Version of the platform''s code and of extensions, with a digest of what nobody committed.';
COMMENT ON COLUMN trial_runs.data_version IS 'Digest of the versions of the tables that were read, or of the moment as of which they were.';
COMMENT ON COLUMN trial_runs.first_session IS 'First session; of an asset, the first that this run computed.';
COMMENT ON COLUMN trial_runs.last_session IS 'Last session.';
COMMENT ON COLUMN trial_runs.seed IS 'What the configurations of a sampled sweep were drawn from.';
COMMENT ON COLUMN trial_runs.person IS 'Who ran it, as their system calls them.';
COMMENT ON COLUMN trial_runs.login IS 'Login of the database that wrote the row.';
COMMENT ON COLUMN trial_runs.host IS 'Machine that it was run on.';
COMMENT ON COLUMN trial_runs.seconds IS 'How long it took; null: it is not known.';
COMMENT ON COLUMN trial_runs.total_return IS 'Compounded return, as a fraction; of an asset, this and the other figures since the first session.';
COMMENT ON COLUMN trial_runs.annualized_return IS 'Geometric return per year of 252 sessions, as a fraction.';
COMMENT ON COLUMN trial_runs.excess_return IS 'Annualised return minus the benchmark''s.';
COMMENT ON COLUMN trial_runs.annualized_volatility IS 'Standard deviation of the session returns × √252.';
COMMENT ON COLUMN trial_runs.sharpe_ratio IS 'Mean return above the risk-free rate over its deviation × √252.';
COMMENT ON COLUMN trial_runs.sharpe_lower_95 IS 'Lower end of the Sharpe ratio''s 95 % interval.';
COMMENT ON COLUMN trial_runs.sharpe_upper_95 IS 'Upper end of the Sharpe ratio''s 95 % interval.';
COMMENT ON COLUMN trial_runs.sortino_ratio IS 'Annualised mean return above the risk-free rate over the downside deviation.';
COMMENT ON COLUMN trial_runs.calmar_ratio IS 'Annualised return over the size of the maximum drawdown.';
COMMENT ON COLUMN trial_runs.max_drawdown IS 'Deepest fall of the equity below its highest value, as a negative fraction.';
COMMENT ON COLUMN trial_runs.max_drawdown_sessions IS 'Longest run of sessions below the highest equity.';
COMMENT ON COLUMN trial_runs.win_rate IS 'Sessions with a gain over sessions with a gain or a loss.';
COMMENT ON COLUMN trial_runs.profit_factor IS 'Sum of the gains over the size of the sum of the losses.';
COMMENT ON COLUMN trial_runs.turnover IS 'Value bought and sold per year, in multiples of the equity.';
COMMENT ON COLUMN trial_runs.average_exposure IS 'Mean of the positions'' absolute value over the equity.';
COMMENT ON COLUMN trial_runs.trade_count IS 'Number of orders filled.';
COMMENT ON COLUMN trial_runs.hit_rate IS 'Buy and sell signals with the sign of the return that followed.';
COMMENT ON COLUMN trial_runs.alpha IS 'Mean excess return above beta × the benchmark''s, compounded over 252 sessions.';
COMMENT ON COLUMN trial_runs.beta IS 'Covariance with the benchmark''s returns over their variance.';
COMMENT ON COLUMN trial_runs.daily_returns IS 'Return of each session from first to last, as fractions in single precision; null where it failed.';
COMMENT ON COLUMN trial_runs.failed IS 'Why there is no result; null: there is one.';
COMMENT ON COLUMN trial_runs.created_at IS 'When it was run.';
-- Returns are noise: packing them would cost more than it saves.
ALTER TABLE trial_runs ALTER COLUMN daily_returns SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX trial_runs_once ON trial_runs (digest, (failed IS NULL));
CREATE INDEX trial_runs_trial ON trial_runs (trial_id);
CREATE INDEX trial_runs_study ON trial_runs (study_id);

-- What is there already: a study of its own, since nobody said what they were for.
INSERT INTO studies (name, person, declared)
SELECT 'before the ledger', '', false WHERE EXISTS (SELECT FROM trials_before);

ALTER TABLE trials_before ADD COLUMN trial_id text;
UPDATE trials_before SET trial_id = left(encode(sha256(convert_to(jsonb_build_array(strategy, strategy_version,
    source_digest, parameters, first_session, last_session, costs, limits, delistings, capital, risk_free,
    benchmark)::text, 'UTF8')), 'hex'), 32);

INSERT INTO trials (id, strategy, strategy_version, source_digest, parameters, universe, first_session, last_session,
    costs, limits, delistings, capital, risk_free, benchmark, created_at)
SELECT DISTINCT ON (trial_id) trial_id, strategy, strategy_version, source_digest, parameters, '', first_session,
    last_session, costs::jsonb, limits::jsonb, delistings::jsonb, capital, risk_free, benchmark, created_at
FROM trials_before ORDER BY trial_id, created_at;

INSERT INTO study_trials (study_id, trial_id, created_at)
SELECT studies.id, trials.id, trials.created_at FROM studies CROSS JOIN trials;

INSERT INTO trial_runs (trial_id, study_id, digest, origin, sweep_id, code_version, data_version, first_session,
    last_session, person, host, total_return, annualized_return, excess_return, annualized_volatility, sharpe_ratio,
    sharpe_lower_95, sharpe_upper_95, sortino_ratio, calmar_ratio, max_drawdown, max_drawdown_sessions, win_rate,
    profit_factor, turnover, average_exposure, trade_count, hit_rate, alpha, beta, daily_returns, failed, created_at)
SELECT trial_id, studies.id, trials_before.id, 'sweep', sweep_id, code_version, data_version, first_session, last_session, '',
    '', total_return, annualized_return, excess_return, annualized_volatility, sharpe_ratio, sharpe_lower_95,
    sharpe_upper_95, sortino_ratio, calmar_ratio, max_drawdown, max_drawdown_sessions, win_rate, profit_factor,
    turnover, average_exposure, trade_count, hit_rate, alpha, beta,
    -- A return that single precision cannot hold is none, or without bound.
    CASE WHEN daily_returns IS NOT NULL THEN ARRAY(
        SELECT CASE WHEN abs(value) < 1e-37 THEN 0::real
                    WHEN abs(value) > 3e38 AND value = value THEN (sign(value) * 'Infinity'::float8)::real
                    ELSE value::real END
        FROM unnest(daily_returns) WITH ORDINALITY AS each (value, place) ORDER BY place) END,
    left(failed, 10000), trials_before.created_at
FROM trials_before CROSS JOIN studies ORDER BY trials_before.created_at, trials_before.id;

DROP TABLE trials_before;

-- Whoever owns the tables may not change a row either, unless they take the triggers away.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION refuse_change() IS 'Keeps a table append-only.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['studies', 'trial_sources', 'trials', 'study_trials', 'trial_runs'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I'
            ' FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
END
$$;

-- The one way in, for who may only read, too.
CREATE FUNCTION record_trial(study jsonb, entries jsonb, sources jsonb) RETURNS jsonb LANGUAGE plpgsql
SECURITY DEFINER AS $$
DECLARE
    of_study studies%ROWTYPE;
    counted bigint;
BEGIN
    IF NOT has_table_privilege(session_user, 'trials'::regclass, 'SELECT') THEN
        RAISE EXCEPTION 'Who may not read the trials may not add to them' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF jsonb_typeof(study) IS DISTINCT FROM 'object' OR jsonb_typeof(entries) IS DISTINCT FROM 'array'
        OR jsonb_typeof(sources) IS DISTINCT FROM 'object' OR jsonb_array_length(entries) NOT BETWEEN 1 AND 1000
    THEN
        RAISE EXCEPTION 'record_trial takes a study, up to 1000 entries and sources'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO studies (name, person, declared, hypothesis, metric, budget, give_up)
    SELECT r.name, r.person, r.declared, r.hypothesis, r.metric, r.budget, r.give_up
    FROM jsonb_to_record(study) AS r (name text, person text, declared boolean, hypothesis text, metric text,
        budget integer, give_up text)
    ON CONFLICT (name) DO NOTHING;
    SELECT * INTO STRICT of_study FROM studies WHERE name = study->>'name';
    INSERT INTO trial_sources (digest, source) SELECT key, value FROM jsonb_each_text(sources)
    ON CONFLICT (digest) DO NOTHING;
    IF EXISTS (
        SELECT FROM jsonb_array_elements(entries) AS e (entry)
        WHERE (entry->>'made_of')::jsonb - ARRAY['strategy', 'strategy_version', 'source_digest', 'parameters',
            'universe', 'first_session', 'last_session', 'costs', 'limits', 'delistings', 'capital', 'risk_free',
            'benchmark'] IS DISTINCT FROM '{}'::jsonb)
    THEN
        RAISE EXCEPTION 'A trial is made of something that the table trials does not have'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In one order, so that no two that write the same wait for each other.
    WITH given AS MATERIALIZED (
        SELECT place, left(encode(sha256(convert_to(entry->>'made_of', 'UTF8')), 'hex'), 32) AS trial_id,
            (entry->>'made_of')::jsonb AS made, entry->>'ran_on' AS ran_on, entry->'run' AS run
        FROM jsonb_array_elements(entries) WITH ORDINALITY AS e (entry, place)
    ), new_trials AS (
        INSERT INTO trials (id, strategy, strategy_version, source_digest, parameters, universe, first_session,
            last_session, costs, limits, delistings, capital, risk_free, benchmark)
        SELECT given.trial_id, r.* FROM given CROSS JOIN LATERAL jsonb_to_record(made) AS r (strategy text,
            strategy_version text, source_digest text, parameters jsonb, universe text, first_session date,
            last_session date, costs jsonb, limits jsonb, delistings jsonb, capital double precision,
            risk_free double precision, benchmark text)
        ORDER BY given.trial_id
        ON CONFLICT (id) DO NOTHING
    ), looked_at AS (
        INSERT INTO study_trials (study_id, trial_id)
        SELECT DISTINCT of_study.id, given.trial_id FROM given ORDER BY given.trial_id
        ON CONFLICT DO NOTHING
    )
    INSERT INTO trial_runs (trial_id, study_id, digest, code_version, data_version, first_session, last_session,
        origin, sweep_id, seed, person, host, seconds, total_return, annualized_return, excess_return,
        annualized_volatility, sharpe_ratio, sharpe_lower_95, sharpe_upper_95, sortino_ratio, calmar_ratio,
        max_drawdown, max_drawdown_sessions, win_rate, profit_factor, turnover, average_exposure, trade_count,
        hit_rate, alpha, beta, daily_returns, failed)
    SELECT trial_id, of_study.id,
        left(encode(sha256(convert_to(trial_id || ' ' || ran_on, 'UTF8')), 'hex'), 32), c.*, r.*
    FROM given CROSS JOIN LATERAL jsonb_to_record(ran_on::jsonb) AS c (code_version text, data_version text,
            first_session date, last_session date)
        CROSS JOIN LATERAL jsonb_to_record(run) AS r (origin text, sweep_id text, seed bigint, person text, host text,
            seconds double precision, total_return double precision, annualized_return double precision,
            excess_return double precision, annualized_volatility double precision, sharpe_ratio double precision,
            sharpe_lower_95 double precision, sharpe_upper_95 double precision, sortino_ratio double precision,
            calmar_ratio double precision, max_drawdown double precision, max_drawdown_sessions double precision,
            win_rate double precision, profit_factor double precision, turnover double precision,
            average_exposure double precision, trade_count double precision, hit_rate double precision,
            alpha double precision, beta double precision, daily_returns real[], failed text)
    WHERE jsonb_typeof(run) = 'object' ORDER BY trial_id, place
    ON CONFLICT (digest, (failed IS NULL)) DO NOTHING;
    SELECT count(*) INTO counted FROM study_trials WHERE study_id = of_study.id;
    RETURN jsonb_build_object('study', of_study.name, 'trials', counted, 'budget', of_study.budget);
END
$$;
COMMENT ON FUNCTION record_trial(jsonb, jsonb, jsonb) IS 'Writes trials and their runs, with the rights of the tables'' owner: what was counted already stays as it is. Returns the study, how many trials it has, and its budget.';

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION record_trial(jsonb, jsonb, jsonb) SET search_path = %I, pg_temp',
        current_schema());
END
$$;
