"""The Dagster layer: thin wiring of the library.

What belongs here: partitions, assets, checks, sensors, jobs and the IO manager.
"""
