"""Vendors: where raw facts come from. One file per vendor; `registry.py` finds them.

To add one, write a file with a class that fulfils `Vendor` (see `base.py`); nothing else needs an
edit.
"""
