"""Storage: the PostgreSQL server, migrations, and frames in and out of tables under contract.

What the tables mean is written in `sql/`; this folder reads, replaces and keeps history.
"""
