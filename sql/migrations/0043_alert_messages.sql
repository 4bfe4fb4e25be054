-- A channel is told of an event once for each severity that it reaches, and of its end.

ALTER TABLE alert_deliveries ADD COLUMN about text, ADD COLUMN told_end boolean NOT NULL DEFAULT false;
-- Nobody is told now of the end of what was over before.
UPDATE alert_deliveries AS d SET about = e.severity, told_end = d.sent_at IS NOT NULL AND e.ended IS NOT NULL
FROM alert_events AS e WHERE e.id = d.event_id;
ALTER TABLE alert_deliveries ALTER COLUMN about SET NOT NULL,
    ADD CHECK (about IN ('info', 'warning', 'critical', 'ended')),
    DROP CONSTRAINT alert_deliveries_pkey, ADD PRIMARY KEY (event_id, channel, about);
COMMENT ON TABLE alert_deliveries IS 'The queue of messages about events: for each channel that takes its severity, one for each severity that it reached, and one for its end.';
COMMENT ON COLUMN alert_deliveries.about IS 'What the message tells: the severity that the event reached, or that it ended.';
COMMENT ON COLUMN alert_deliveries.told_end IS 'Whether the message, when it was sent, said that the event is over.';
