"""What `quant-platform new` writes: one commented file for each kind of extension, and its test.

The files are texts in which `$name`, `$words` and `$type` stand for the new thing's name, its name
in words and the name of its class. What does not belong here: where they are written (`new.py`).
"""
