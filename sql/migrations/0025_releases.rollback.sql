DROP TABLE account_releases;
