"""Learned models: labels with information intervals, purged folds, forecasters, calibration."""
