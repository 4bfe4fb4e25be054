DROP TABLE closed_positions_history, closed_positions;
UPDATE portfolios SET daily_return = coalesce(daily_return, 0), gross_exposure = coalesce(gross_exposure, 0),
    net_exposure = coalesce(net_exposure, 0), turnover = coalesce(turnover, 0)
    WHERE daily_return IS NULL OR gross_exposure IS NULL OR net_exposure IS NULL OR turnover IS NULL;
UPDATE portfolios_history SET daily_return = coalesce(daily_return, 0), gross_exposure = coalesce(gross_exposure, 0),
    net_exposure = coalesce(net_exposure, 0), turnover = coalesce(turnover, 0)
    WHERE daily_return IS NULL OR gross_exposure IS NULL OR net_exposure IS NULL OR turnover IS NULL;
ALTER TABLE portfolios
    DROP COLUMN ruined,
    ALTER COLUMN daily_return SET NOT NULL,
    ALTER COLUMN gross_exposure SET NOT NULL,
    ALTER COLUMN net_exposure SET NOT NULL,
    ALTER COLUMN turnover SET NOT NULL;
ALTER TABLE portfolios_history
    DROP COLUMN ruined,
    ALTER COLUMN daily_return SET NOT NULL,
    ALTER COLUMN gross_exposure SET NOT NULL,
    ALTER COLUMN net_exposure SET NOT NULL,
    ALTER COLUMN turnover SET NOT NULL;
COMMENT ON COLUMN portfolios.daily_return IS 'Equity over the previous session''s equity, minus one.';
COMMENT ON COLUMN portfolios_history.daily_return IS 'Equity over the previous session''s equity, minus one.';
COMMENT ON COLUMN portfolios.gross_exposure IS 'Sum of absolute position values over equity, at the close.';
COMMENT ON COLUMN portfolios_history.gross_exposure IS 'Sum of absolute position values over equity, at the close.';
COMMENT ON COLUMN portfolios.net_exposure IS 'Sum of signed position values over equity, at the close.';
COMMENT ON COLUMN portfolios_history.net_exposure IS 'Sum of signed position values over equity, at the close.';
COMMENT ON COLUMN portfolios.turnover IS 'Value traded over the equity at the open.';
COMMENT ON COLUMN portfolios_history.turnover IS 'Value traded over the equity at the open.';
