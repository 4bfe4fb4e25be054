"""Storage: the PostgreSQL server, migrations, and frames in and out of tables under contract.

What the tables mean is written in `sql/`; this folder reads, replaces and keeps history. What does
not belong here: anything that knows what a row means (`market/` and above).
"""
