-- Halted accounts that a person released: an input of their portfolios from that session on.

CREATE TABLE account_releases (
    model_id      integer NOT NULL REFERENCES models (id),
    account       text NOT NULL,
    date          date NOT NULL,
    released_by   text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, account, date)
);
COMMENT ON TABLE account_releases IS 'Halted accounts that a person released.';
COMMENT ON COLUMN account_releases.model_id IS 'The model.';
COMMENT ON COLUMN account_releases.account IS 'Its account: simulated.';
COMMENT ON COLUMN account_releases.date IS 'First session in which the account trades again; its highest equity counts from the session before.';
COMMENT ON COLUMN account_releases.released_by IS 'Who released it.';
COMMENT ON COLUMN account_releases.recorded_at IS 'When it was released.';
