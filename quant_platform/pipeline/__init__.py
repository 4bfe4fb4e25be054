"""The work behind the assets: the platform, ingestion, blocks, updates, pages; no Dagster.

What does not belong here: anything that names Dagster (`defs/`), and maths that need no database
(`market/`, `features/`, `trading/`, `evaluation/`).
"""
