"""The sections of a page: one file each, in the order of `order.py`."""
