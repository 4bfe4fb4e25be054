"""The set `technical`: returns, averages, bands, ranges, volumes and news; one file a family.

What does not belong here: the set itself, to which every feature belongs that names no other
(`features/feature_set.py`).
"""
