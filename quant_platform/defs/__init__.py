"""The Dagster layer: thin wiring of the library to partitions, assets, checks, sensors and the IO manager."""
