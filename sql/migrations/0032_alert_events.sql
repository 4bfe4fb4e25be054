-- Alerts as events, which last from a session to a later one, and what became of the message about each.

CREATE TABLE alert_events (
    id           uuid NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    origin       text NOT NULL CHECK (origin IN ('report', 'run', 'ledger', 'stored')),
    rule         text NOT NULL,
    subject      text NOT NULL,
    severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    message      text NOT NULL,
    began        date NOT NULL,
    date         date NOT NULL CHECK (date >= began),
    ended        date,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX alert_events_lasting ON alert_events (origin, rule, subject) WHERE ended IS NULL;
CREATE INDEX alert_events_date ON alert_events (date);
COMMENT ON TABLE alert_events IS 'What needs a person''s attention, once for as long as it lasts.';
COMMENT ON COLUMN alert_events.id IS 'Named in every message about it, so that a repeated one is seen to be one.';
COMMENT ON COLUMN alert_events.origin IS 'As in alerts; stored: found in stored tables by a rule that reads them.';
COMMENT ON COLUMN alert_events.rule IS 'Name of the rule.';
COMMENT ON COLUMN alert_events.subject IS 'Model, check, asset or run it is about.';
COMMENT ON COLUMN alert_events.severity IS 'info, warning or critical; the highest that it has had.';
COMMENT ON COLUMN alert_events.message IS 'What happened, in a sentence, as of the last session.';
COMMENT ON COLUMN alert_events.began IS 'First session in which it held.';
COMMENT ON COLUMN alert_events.date IS 'Last session in which it held.';
COMMENT ON COLUMN alert_events.ended IS 'Session from which on it no longer held; null: it lasts.';
COMMENT ON COLUMN alert_events.recorded_at IS 'When the platform saw it first.';

CREATE TABLE alert_deliveries (
    event_id   uuid NOT NULL REFERENCES alert_events (id),
    channel    text NOT NULL,
    queued_at  timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    reason     text NOT NULL DEFAULT '',
    sent_at    timestamptz,
    PRIMARY KEY (event_id, channel)
);
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (channel, due_at) WHERE sent_at IS NULL;
COMMENT ON TABLE alert_deliveries IS 'The queue of messages about events: one for each channel that takes its severity.';
COMMENT ON COLUMN alert_deliveries.event_id IS 'The event.';
COMMENT ON COLUMN alert_deliveries.channel IS 'Name of the channel; its URL is in the settings alone.';
COMMENT ON COLUMN alert_deliveries.queued_at IS 'When the message was put into the queue.';
COMMENT ON COLUMN alert_deliveries.due_at IS 'When it is to be sent, or to be tried again.';
COMMENT ON COLUMN alert_deliveries.attempts IS 'How often sending it was tried to the end.';
COMMENT ON COLUMN alert_deliveries.reason IS 'Why the last attempt failed; empty: it did not.';
COMMENT ON COLUMN alert_deliveries.sent_at IS 'When the channel took it; null: it waits.';
