DELETE FROM alert_deliveries AS d USING alert_deliveries AS other
WHERE other.event_id = d.event_id AND other.channel = d.channel AND (other.queued_at, other.about) < (d.queued_at, d.about);
ALTER TABLE alert_deliveries DROP COLUMN told_end, DROP COLUMN about, ADD PRIMARY KEY (event_id, channel);
COMMENT ON TABLE alert_deliveries IS 'The queue of messages about events: one for each channel that takes its severity.';
