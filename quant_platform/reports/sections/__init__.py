"""The sections of a page: one file each, in the order of `order.py`.

What does not belong here: how a page looks (`templates/`), and what curves are made of
(`figures.py`).
"""
