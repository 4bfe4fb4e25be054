"""Vendors: where raw facts come from. One file or folder per vendor; `registry.py` finds them.

To add one, write a file with a subclass of `Vendor` (`base.py`) that states its `abilities`
(`abilities.py`) and has its own settings; nothing else needs an edit. `contract.py` checks it when
it is loaded.
"""
