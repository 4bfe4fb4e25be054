"""The strategies: one file each; every module here is read by the registry.

What does not belong here: what strategies share (the folder above).
"""
