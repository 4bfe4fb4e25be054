"""The Dagster layer: thin wiring of the library.

What belongs here: partitions, assets, checks, sensors, jobs and the IO manager. What does not
belong here: anything that never names Dagster (`pipeline/`, `quality/` and below).
"""
