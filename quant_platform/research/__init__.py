"""The notebook's face: what is stored, and backtests, as frames; no Dagster.

What does not belong here: what the daily pipeline needs (`pipeline/`).
"""
