"""Checks of one file each: every `QualityCheck` in a module here is added to those of the platform.

What does not belong here: checks that share what they compute (`quality/market.py`,
`quality/computed.py`), and what a check is given (`quality/check.py`).
"""
