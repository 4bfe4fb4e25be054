UPDATE trading_universe_history SET company_name = coalesce(company_name, symbol), sector = coalesce(sector, '');
ALTER TABLE trading_universe_history
    ALTER COLUMN company_name SET NOT NULL,
    ALTER COLUMN sector SET NOT NULL;
