"""Vendors: where raw facts come from. One file or folder per vendor.

To add one, write a file with a subclass of `Vendor` (`base.py`) that states its `abilities`
(`abilities.py`) and has its own settings. `vendor_registry.py` collects it and `contract.py` checks
it when it is loaded; nothing else needs an edit. What does not belong here: what bars and actions
mean (`market/`), and anything that fills, cleans or adjusts them.
"""
