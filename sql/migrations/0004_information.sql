-- What else was known: news by the session after whose close it counts, and figures of the economy by the session from
-- which they are known. Articles themselves are not kept: the text is its publisher's.

CREATE TABLE news (
    date          date NOT NULL,
    news_id       text NOT NULL CHECK (news_id <> ''),
    symbol        text NOT NULL,
    published_at  timestamptz NOT NULL,
    security_id   text,
    publisher     text,
    url           text,
    sentiment     double precision CHECK (sentiment IN (-1, 0, 1)),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, news_id, symbol)
);
COMMENT ON TABLE news IS 'Articles about securities, one row per article and ticker; no text.';
COMMENT ON COLUMN news.date IS 'Session after whose close the article counts: the first whose close comes after its publication.';
COMMENT ON COLUMN news.news_id IS 'The vendor''s name of the article.';
COMMENT ON COLUMN news.symbol IS 'Ticker that the article names.';
COMMENT ON COLUMN news.published_at IS 'When it was published.';
COMMENT ON COLUMN news.security_id IS 'The security that the ticker meant in the session; null: none.';
COMMENT ON COLUMN news.publisher IS 'Who published it; null: not said.';
COMMENT ON COLUMN news.url IS 'Where it can be read; null: not said.';
COMMENT ON COLUMN news.sentiment IS 'The vendor''s judgement for the ticker: 1 positive, 0 neutral, -1 negative; null: none.';
COMMENT ON COLUMN news.recorded_at IS 'When the platform learned it.';

CREATE TABLE treasury_yields (
    date            date NOT NULL,
    observed_on     date NOT NULL,
    yield_1_month   double precision CHECK (abs(yield_1_month) < 'Infinity'),
    yield_3_month   double precision CHECK (abs(yield_3_month) < 'Infinity'),
    yield_6_month   double precision CHECK (abs(yield_6_month) < 'Infinity'),
    yield_1_year    double precision CHECK (abs(yield_1_year) < 'Infinity'),
    yield_2_year    double precision CHECK (abs(yield_2_year) < 'Infinity'),
    yield_3_year    double precision CHECK (abs(yield_3_year) < 'Infinity'),
    yield_5_year    double precision CHECK (abs(yield_5_year) < 'Infinity'),
    yield_7_year    double precision CHECK (abs(yield_7_year) < 'Infinity'),
    yield_10_year   double precision CHECK (abs(yield_10_year) < 'Infinity'),
    yield_20_year   double precision CHECK (abs(yield_20_year) < 'Infinity'),
    yield_30_year   double precision CHECK (abs(yield_30_year) < 'Infinity'),
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, observed_on),
    CHECK (observed_on < date)
);
COMMENT ON TABLE treasury_yields IS 'Par yields of US Treasuries by maturity, known from the session after their day on; bond-equivalent, in percent.';
COMMENT ON COLUMN treasury_yields.date IS 'Session from which the yields are known.';
COMMENT ON COLUMN treasury_yields.observed_on IS 'Day whose yields they are.';
COMMENT ON COLUMN treasury_yields.yield_1_month IS 'Yield at 1 month, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_3_month IS 'Yield at 3 months, in percent a year: the risk-free rate of the performance figures.';
COMMENT ON COLUMN treasury_yields.yield_6_month IS 'Yield at 6 months, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_1_year IS 'Yield at 1 year, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_2_year IS 'Yield at 2 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_3_year IS 'Yield at 3 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_5_year IS 'Yield at 5 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_7_year IS 'Yield at 7 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_10_year IS 'Yield at 10 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_20_year IS 'Yield at 20 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.yield_30_year IS 'Yield at 30 years, in percent a year.';
COMMENT ON COLUMN treasury_yields.recorded_at IS 'When the platform learned it.';

CREATE TABLE inflation (
    date                date NOT NULL,
    observed_on         date NOT NULL,
    cpi                 double precision CHECK (abs(cpi) < 'Infinity'),
    cpi_core            double precision CHECK (abs(cpi_core) < 'Infinity'),
    cpi_year_over_year  double precision CHECK (abs(cpi_year_over_year) < 'Infinity'),
    pce                 double precision CHECK (abs(pce) < 'Infinity'),
    pce_core            double precision CHECK (abs(pce_core) < 'Infinity'),
    pce_spending        double precision CHECK (abs(pce_spending) < 'Infinity'),
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, observed_on),
    CHECK (observed_on < date)
);
COMMENT ON TABLE inflation IS 'Price indices of the US by month, known from the session on in which the latest of them is; in the vendor''s units.';
COMMENT ON COLUMN inflation.date IS 'Session from which the figures are known.';
COMMENT ON COLUMN inflation.observed_on IS 'Month whose figures they are, as the vendor dates it: its first day.';
COMMENT ON COLUMN inflation.cpi IS 'Consumer price index, an index number.';
COMMENT ON COLUMN inflation.cpi_core IS 'Consumer price index without food and energy, an index number.';
COMMENT ON COLUMN inflation.cpi_year_over_year IS 'Change of the consumer price index over twelve months, in percent.';
COMMENT ON COLUMN inflation.pce IS 'Price index of personal consumption expenditures, an index number.';
COMMENT ON COLUMN inflation.pce_core IS 'The same without food and energy, an index number.';
COMMENT ON COLUMN inflation.pce_spending IS 'Personal consumption expenditures, in billions of dollars.';
COMMENT ON COLUMN inflation.recorded_at IS 'When the platform learned it.';

CREATE TABLE labor_market (
    date                             date NOT NULL,
    observed_on                      date NOT NULL,
    unemployment_rate                double precision CHECK (abs(unemployment_rate) < 'Infinity'),
    labor_force_participation_rate   double precision CHECK (abs(labor_force_participation_rate) < 'Infinity'),
    avg_hourly_earnings              double precision CHECK (abs(avg_hourly_earnings) < 'Infinity'),
    job_openings                     double precision CHECK (abs(job_openings) < 'Infinity'),
    recorded_at                      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, observed_on),
    CHECK (observed_on < date)
);
COMMENT ON TABLE labor_market IS 'Figures of the US labor market by month, known from the session on in which the latest of them is; in the vendor''s units.';
COMMENT ON COLUMN labor_market.date IS 'Session from which the figures are known.';
COMMENT ON COLUMN labor_market.observed_on IS 'Month whose figures they are, as the vendor dates it: its first day.';
COMMENT ON COLUMN labor_market.unemployment_rate IS 'Unemployed in percent of the labor force.';
COMMENT ON COLUMN labor_market.labor_force_participation_rate IS 'Labor force in percent of the civilian population.';
COMMENT ON COLUMN labor_market.avg_hourly_earnings IS 'Average hourly earnings, in dollars.';
COMMENT ON COLUMN labor_market.job_openings IS 'Job openings at the month''s end, in thousands.';
COMMENT ON COLUMN labor_market.recorded_at IS 'When the platform learned it.';

CREATE TABLE news_history (LIKE news INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE news_history IS 'Rows of news that were replaced or removed.';
COMMENT ON COLUMN news_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX news_history_date ON news_history (date);

CREATE TABLE treasury_yields_history (LIKE treasury_yields INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE treasury_yields_history IS 'Rows of treasury_yields that were replaced or removed.';
COMMENT ON COLUMN treasury_yields_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX treasury_yields_history_date ON treasury_yields_history (date);

CREATE TABLE inflation_history (LIKE inflation INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE inflation_history IS 'Rows of inflation that were replaced or removed.';
COMMENT ON COLUMN inflation_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX inflation_history_date ON inflation_history (date);

CREATE TABLE labor_market_history (LIKE labor_market INCLUDING COMMENTS, superseded_at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE labor_market_history IS 'Rows of labor_market that were replaced or removed.';
COMMENT ON COLUMN labor_market_history.superseded_at IS 'When the row stopped being the current one.';
CREATE INDEX labor_market_history_date ON labor_market_history (date);
