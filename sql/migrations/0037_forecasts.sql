-- Forecasts of learned models, the versions that made them, and how far the data has moved from what they learned.

CREATE TABLE forecast_artefacts (
    digest      text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
    artefact    bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE forecast_artefacts IS 'Trained models, in formats that run no code when they are loaded; a row is never changed.';
COMMENT ON COLUMN forecast_artefacts.digest IS 'SHA-256 of the artefact.';
COMMENT ON COLUMN forecast_artefacts.artefact IS 'A line of JSON, then the text of LightGBM or what skops writes.';
COMMENT ON COLUMN forecast_artefacts.created_at IS 'When it was stored.';

CREATE TABLE forecasts (
    date        date NOT NULL,
    model_id    integer NOT NULL,
    symbol      text NOT NULL,
    security_id text NOT NULL,
    forecast    double precision NOT NULL CHECK (abs(forecast) < 'Infinity'),
    trained_on  date NOT NULL CHECK (trained_on <= date),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, symbol)
);
COMMENT ON TABLE forecasts IS 'What each forecaster foretells of each member after the close of a session.';
COMMENT ON COLUMN forecasts.date IS 'Session after whose close the forecast was known.';
COMMENT ON COLUMN forecasts.model_id IS 'The model that trades by it (models.id).';
COMMENT ON COLUMN forecasts.symbol IS 'Ticker in that session.';
COMMENT ON COLUMN forecasts.security_id IS 'The security.';
COMMENT ON COLUMN forecasts.forecast IS 'Higher is better; in units of the forecaster''s own, comparable within the session.';
COMMENT ON COLUMN forecasts.trained_on IS 'Training cut of the version that made it: it learned of nothing after that session''s close.';
COMMENT ON COLUMN forecasts.recorded_at IS 'When the platform computed it.';
CREATE TABLE forecasts_history (LIKE forecasts INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE forecasts_history IS 'Rows of forecasts that were replaced or removed.';
COMMENT ON COLUMN forecasts_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX forecasts_history_date ON forecasts_history (date);

CREATE TABLE forecast_models (
    date                date NOT NULL,
    model_id            integer NOT NULL REFERENCES models (id),
    artefact            text REFERENCES forecast_artefacts (digest),
    failed              text CHECK (failed <> ''),
    library             text NOT NULL,
    features            jsonb NOT NULL,
    first_session       date,
    last_session        date CHECK (last_session >= first_session AND last_session < date),
    sessions            integer NOT NULL CHECK (sessions >= 0),
    samples             integer NOT NULL CHECK (samples >= 0),
    data_version        text NOT NULL,
    recipe              text NOT NULL,
    code_version        text NOT NULL,
    seed                integer NOT NULL,
    parameters          jsonb NOT NULL,
    gain                jsonb NOT NULL,
    permutation         jsonb NOT NULL,
    fitted_ic           double precision,
    reference           jsonb NOT NULL,
    champion            date CHECK (champion <= date),
    challenger          date CHECK (challenger <= date),
    judged              date CHECK (judged < date),
    reason              text NOT NULL,
    skill_sessions      integer NOT NULL CHECK (skill_sessions >= 0),
    skill               double precision,
    skill_lower         double precision,
    skill_upper         double precision,
    judged_skill        double precision,
    judged_lower        double precision,
    judged_upper        double precision,
    difference_sessions integer NOT NULL CHECK (difference_sessions >= 0),
    difference          double precision,
    difference_lower    double precision,
    difference_upper    double precision,
    read_at             timestamptz NOT NULL,
    run_id              text NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id),
    CHECK ((artefact IS NULL) = (failed IS NOT NULL))
);
COMMENT ON TABLE forecast_models IS 'Versions of forecasters by the session after whose close they were trained, and which version is in force from then on.';
COMMENT ON COLUMN forecast_models.date IS 'Training cut: no label that was learned from ends after its close.';
COMMENT ON COLUMN forecast_models.model_id IS 'The model (models.id).';
COMMENT ON COLUMN forecast_models.artefact IS 'Digest of the trained model (forecast_artefacts); null: the training failed.';
COMMENT ON COLUMN forecast_models.failed IS 'Why the training failed; null: it did not.';
COMMENT ON COLUMN forecast_models.library IS 'Name and version of the library that trained it.';
COMMENT ON COLUMN forecast_models.features IS 'Features that it reads, in their order.';
COMMENT ON COLUMN forecast_models.first_session IS 'First session whose labels it learned from.';
COMMENT ON COLUMN forecast_models.last_session IS 'Last session whose labels it learned from.';
COMMENT ON COLUMN forecast_models.sessions IS 'Sessions whose labels it learned from.';
COMMENT ON COLUMN forecast_models.samples IS 'Labels that it learned from.';
COMMENT ON COLUMN forecast_models.data_version IS 'Digest of features, labels and weights that it learned from; empty where it failed before that.';
COMMENT ON COLUMN forecast_models.recipe IS 'Digest of what decides what is learned: the forecaster, its code and its library.';
COMMENT ON COLUMN forecast_models.code_version IS 'Version of the platform that trained it.';
COMMENT ON COLUMN forecast_models.seed IS 'Seed of everything random.';
COMMENT ON COLUMN forecast_models.parameters IS 'The forecaster: label, window, schedule, estimator and its parameters.';
COMMENT ON COLUMN forecast_models.gain IS 'Importance of each feature by the model''s own account, as shares.';
COMMENT ON COLUMN forecast_models.permutation IS 'Rank correlation lost at the end of the training part where a feature is shuffled, for the leading features.';
COMMENT ON COLUMN forecast_models.fitted_ic IS 'Mean rank correlation with the label over the training part: no measure of skill.';
COMMENT ON COLUMN forecast_models.reference IS 'Distribution of forecasts and leading features in the training part, which drift is measured from.';
COMMENT ON COLUMN forecast_models.champion IS 'Cut of the version in force from this session on; null: none is.';
COMMENT ON COLUMN forecast_models.challenger IS 'Cut of the version on trial from this session on; null: none is.';
COMMENT ON COLUMN forecast_models.judged IS 'Cut of the version whose trial ended here; null: none''s did.';
COMMENT ON COLUMN forecast_models.reason IS 'Why that version is in force.';
COMMENT ON COLUMN forecast_models.skill_sessions IS 'Sessions with a known outcome over which the version that was in force is measured.';
COMMENT ON COLUMN forecast_models.skill IS 'Its mean rank correlation with the returns that followed, out of sample.';
COMMENT ON COLUMN forecast_models.skill_lower IS 'Lower end of the 95 % interval of skill, by the stationary bootstrap.';
COMMENT ON COLUMN forecast_models.skill_upper IS 'Upper end of that interval.';
COMMENT ON COLUMN forecast_models.judged_skill IS 'Mean rank correlation of the judged version over its trial.';
COMMENT ON COLUMN forecast_models.judged_lower IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN forecast_models.judged_upper IS 'Upper end of that interval.';
COMMENT ON COLUMN forecast_models.difference_sessions IS 'Sessions over which the judged version and the one in force were compared.';
COMMENT ON COLUMN forecast_models.difference IS 'What the judged one had more, in mean rank correlation.';
COMMENT ON COLUMN forecast_models.difference_lower IS 'Lower end of the 95 % interval of the difference, paired by session; above 0 the judged version takes over.';
COMMENT ON COLUMN forecast_models.difference_upper IS 'Upper end of that interval.';
COMMENT ON COLUMN forecast_models.read_at IS 'When what it was trained on was last found to be as it is.';
COMMENT ON COLUMN forecast_models.run_id IS 'Run that trained it.';
COMMENT ON COLUMN forecast_models.recorded_at IS 'When the platform stored it.';
CREATE TABLE forecast_models_history (LIKE forecast_models INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE forecast_models_history IS 'Rows of forecast_models that were replaced or removed.';
COMMENT ON COLUMN forecast_models_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX forecast_models_history_date ON forecast_models_history (date);

CREATE TABLE forecast_drift (
    date            date NOT NULL,
    model_id        integer NOT NULL REFERENCES models (id),
    name            text NOT NULL CHECK (name <> ''),
    trained_on      date NOT NULL CHECK (trained_on <= date),
    values_counted  integer NOT NULL CHECK (values_counted >= 0),
    stability_index double precision,
    wasserstein     double precision,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id, name)
);
COMMENT ON TABLE forecast_drift IS 'How far forecasts and leading features of the last 21 sessions lie from those that the version in force was trained on.';
COMMENT ON COLUMN forecast_drift.date IS 'Session.';
COMMENT ON COLUMN forecast_drift.model_id IS 'The model (models.id).';
COMMENT ON COLUMN forecast_drift.name IS 'The feature, or `forecast`.';
COMMENT ON COLUMN forecast_drift.trained_on IS 'Training cut of the version in force.';
COMMENT ON COLUMN forecast_drift.values_counted IS 'Values of the last 21 sessions that were counted.';
COMMENT ON COLUMN forecast_drift.stability_index IS 'Population stability index over ten bins and the unknown values.';
COMMENT ON COLUMN forecast_drift.wasserstein IS 'First Wasserstein distance of the binned distributions, as a share of the distance between the outer bins; null where the training part had one value.';
COMMENT ON COLUMN forecast_drift.recorded_at IS 'When the platform computed it.';
CREATE TABLE forecast_drift_history (LIKE forecast_drift INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE forecast_drift_history IS 'Rows of forecast_drift that were replaced or removed.';
COMMENT ON COLUMN forecast_drift_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX forecast_drift_history_date ON forecast_drift_history (date);

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
    FOREACH name IN ARRAY ARRAY['signals', 'positions', 'fills', 'pending_cash', 'book_holdings', 'forecasts'] LOOP
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

CREATE TRIGGER models_insert AFTER INSERT ON forecasts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_models();
CREATE TRIGGER models_update AFTER UPDATE ON forecasts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_models();

-- The bytes of a model have no session: who may not read a version of it may not read them either.
ALTER TABLE forecast_artefacts ENABLE ROW LEVEL SECURITY;
CREATE POLICY sealed ON forecast_artefacts USING (
    EXISTS (SELECT FROM forecast_models AS m WHERE m.artefact = digest)
    OR EXISTS (SELECT FROM forecast_models_history AS m WHERE m.artefact = digest)
) WITH CHECK (true);
