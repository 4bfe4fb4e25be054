"""Strategies: from features to target weights. One file per strategy, in `library/`.

To add one, write a file with a `Strategy` subclass (see `base.py`). `strategy_registry.py` collects
it; nothing else needs an edit. What does not belong here: what becomes of a weight (`trading/`).
"""
