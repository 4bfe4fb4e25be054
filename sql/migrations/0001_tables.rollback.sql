DROP VIEW feature_store;
DROP TABLE quarantine, data_quality, alerts, performance_reports, model_performance, portfolios, signals, features,
    market_data, corporate_actions, trading_universe, model_runs, models;
