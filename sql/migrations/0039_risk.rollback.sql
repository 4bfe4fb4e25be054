DROP TABLE risk_forecasts, risk_forecasts_history;
DROP TABLE specific_returns, specific_returns_history;
DROP TABLE factor_returns, factor_returns_history;
DROP TABLE factor_exposures, factor_exposures_history;
