"""Strategies: from features to target weights. One file per strategy; `registry.py` finds them.

To add one, write a file with a `Strategy` subclass (see `base.py`); nothing else needs an edit.
"""
