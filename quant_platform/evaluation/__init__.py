"""Evaluation: the metrics of a model's simulated portfolio.

What does not belong here: the simulation (`trading/`), and scores and ranks (`reports/`).
"""
