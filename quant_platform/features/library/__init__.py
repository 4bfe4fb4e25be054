"""The features: one file a family; every module here is read by the registry.

What does not belong here: how features are registered and computed (the folder above).
"""
