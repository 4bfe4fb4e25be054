"""Checks as plain functions of stored rows, and their verdicts; no Dagster.

What does not belong here: how Dagster runs and shows them (`defs/checks.py`).
"""
