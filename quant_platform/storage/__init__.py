"""Storage: the PostgreSQL server, migrations, and frames in and out of tables under contract.

What the tables mean is written in `sql/`. What does not belong here: which rows are right
(`market`, `quality`), and which are computed when (`pipeline`, `defs`).
"""
