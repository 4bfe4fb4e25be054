"""What a market was: calendar, panels of bars, identities, corporate actions, who was tradable.

A vendor's facts become arrays and answers here. What does not belong here: figures computed from
them (`features/`), how they are fetched (`vendors/`) and stored (`pipeline/ingest.py`).
"""
