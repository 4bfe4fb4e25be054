"""Feature functions over a `Panel`, and their registry.

What does not belong here: rolling kernels (`kernels/`), and decisions to trade (`strategies/`).
"""
