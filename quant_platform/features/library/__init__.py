"""The features: a set is a file, or a folder with a file a family; the registry reads them all.

What does not belong here: how features are registered and computed (the folder above).
"""
