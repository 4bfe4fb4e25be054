"""Evaluation: what signals would have earned, and how to judge it."""
