DROP TABLE labor_market_history, inflation_history, treasury_yields_history, news_history,
    labor_market, inflation, treasury_yields, news;
