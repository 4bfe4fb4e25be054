-- A history takes every row that its table can hold. 0003_identity let these two be null in the table alone, so that
-- a correction of such a row was refused.

ALTER TABLE trading_universe_history
    ALTER COLUMN company_name DROP NOT NULL,
    ALTER COLUMN sector DROP NOT NULL;
