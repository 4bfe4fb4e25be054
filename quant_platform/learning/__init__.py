"""Learned models: labels with information intervals, purged folds, forecasters, calibration.

What does not belong here: features (`features/`), and what is traded by a forecast (`strategies/`).
"""
