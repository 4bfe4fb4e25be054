-- What a model is used for, who said so and when; and the test of what its backtest promised.

CREATE TABLE model_states (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    date              date NOT NULL,
    model_id          integer NOT NULL REFERENCES models (id),
    state             text NOT NULL CHECK (state IN ('candidate', 'challenger', 'champion', 'demoted', 'retired')),
    why               text NOT NULL CHECK (why ~ '\S' AND length(why) <= 10000),
    person            text NOT NULL CHECK (person <> '' AND length(person) <= 200),
    login             text NOT NULL DEFAULT session_user,
    known_on          date NOT NULL CHECK (known_on < date),
    sessions          integer CHECK (sessions > 0),
    mean              double precision CHECK (abs(mean) < 'Infinity'),
    lower             double precision CHECK (abs(lower) < 'Infinity'),
    haircut           double precision CHECK (haircut >= 0 AND haircut < 'Infinity'),
    promised          double precision CHECK (abs(promised) < 'Infinity'),
    trials            integer CHECK (trials >= 0),
    effective_trials  double precision CHECK (effective_trials >= 0),
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((state IN ('challenger', 'champion')) = (promised IS NOT NULL)),
    CHECK (num_nulls(sessions, mean, lower, haircut, promised, trials, effective_trials) IN (0, 7))
);
CREATE INDEX model_states_model ON model_states (model_id, id);
COMMENT ON TABLE model_states IS 'What each model was used for, from which session on; a model without a row is a candidate. Rows are never changed.';
COMMENT ON COLUMN model_states.id IS 'Number of the row; of rows of one session the last one counts.';
COMMENT ON COLUMN model_states.date IS 'First session in which the state holds.';
COMMENT ON COLUMN model_states.model_id IS 'The model (models.id).';
COMMENT ON COLUMN model_states.state IS 'candidate, challenger, champion, demoted or retired; challengers and champions are in use, and monitored.';
COMMENT ON COLUMN model_states.why IS 'Why, in the words of who said so.';
COMMENT ON COLUMN model_states.person IS 'Who said so, as their system calls them.';
COMMENT ON COLUMN model_states.login IS 'Login of the database that wrote the row.';
COMMENT ON COLUMN model_states.known_on IS 'Last session whose returns the promise is made of: the one before `date`.';
COMMENT ON COLUMN model_states.sessions IS 'Scaled returns that the promise is made of; null, as all that follows, where nothing is promised.';
COMMENT ON COLUMN model_states.mean IS 'Mean of the scaled returns: about the Sharpe ratio per session.';
COMMENT ON COLUMN model_states.lower IS 'Lower end of its 95 % interval by the stationary bootstrap.';
COMMENT ON COLUMN model_states.haircut IS 'What the best of so many trials without skill would show.';
COMMENT ON COLUMN model_states.promised IS 'lower less haircut: what the monitor tests.';
COMMENT ON COLUMN model_states.trials IS 'Number of trials that the model was chosen from, as the ledger knew them when it was promoted.';
COMMENT ON COLUMN model_states.effective_trials IS 'Effective number of these, by which the haircut is computed.';
COMMENT ON COLUMN model_states.recorded_at IS 'When it was written.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON model_states
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON model_states
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE model_monitor (
    date         date NOT NULL,
    model_id     integer NOT NULL REFERENCES models (id),
    state        text NOT NULL CHECK (state IN ('challenger', 'champion')),
    promoted_on  date NOT NULL CHECK (promoted_on <= date),
    sessions     integer NOT NULL CHECK (sessions >= 0),
    mean         double precision,
    lower        double precision NOT NULL,
    upper        double precision NOT NULL CHECK (upper >= lower),
    promised     double precision NOT NULL,
    e_value      double precision NOT NULL CHECK (e_value >= 0),
    crossed      boolean NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, model_id)
);
COMMENT ON TABLE model_monitor IS 'Whether the returns of the models in use still hold what was promised at their promotion: an always-valid test, after each session.';
COMMENT ON COLUMN model_monitor.date IS 'Exchange session.';
COMMENT ON COLUMN model_monitor.model_id IS 'The model (models.id).';
COMMENT ON COLUMN model_monitor.state IS 'challenger or champion.';
COMMENT ON COLUMN model_monitor.promoted_on IS 'First session after the promotion whose promise is tested.';
COMMENT ON COLUMN model_monitor.sessions IS 'Returns that counted since the test began: at the promotion, or with the last release of the account.';
COMMENT ON COLUMN model_monitor.mean IS 'Mean of the scaled returns so far; null before the first.';
COMMENT ON COLUMN model_monitor.lower IS 'Lower end of the confidence sequence of that mean: it holds with 95 % at all sessions together.';
COMMENT ON COLUMN model_monitor.upper IS 'Upper end, which holds likewise.';
COMMENT ON COLUMN model_monitor.promised IS 'What was promised at the promotion, at least.';
COMMENT ON COLUMN model_monitor.e_value IS 'Evidence against the promise; while it is kept, it ever reaches 20 with a probability of 5 % at most.';
COMMENT ON COLUMN model_monitor.crossed IS 'Whether the evidence has reached 20 since the test began: the promise counts as broken.';
COMMENT ON COLUMN model_monitor.recorded_at IS 'When the platform computed it.';
CREATE TABLE model_monitor_history (LIKE model_monitor INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE model_monitor_history IS 'Rows of model_monitor that were replaced or removed.';
COMMENT ON COLUMN model_monitor_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX model_monitor_history_date ON model_monitor_history (date);
