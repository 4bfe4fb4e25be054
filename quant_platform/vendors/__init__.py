"""Vendors: where raw facts come from. One file or folder per vendor.

To add one, write a file with a subclass of `Vendor` (`base.py`) that states its `abilities`
(`abilities.py`) and has its own settings. `vendor_registry.py` collects it and `contract.py` checks
it when it is loaded; nothing else needs an edit.
"""
