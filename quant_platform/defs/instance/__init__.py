"""The parts of the fast instance storage, which `quant_platform.defs.instance.storage` assembles.

`pool.py` shares connections, `storages.py` puts Dagster's three Postgres storages on them,
`event_log.py` writes events in bulk, `event_text.py` serialises many similar events cheaply.
What does not belong here: assets, market data or settings; nothing here knows of them.
"""
