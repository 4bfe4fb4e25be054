"""Asset definitions: a module per group, each with `GROUP` and `assets(market)`.

Every module of this folder is found by `defs/asset_registry.py`. A function of an asset is a few
lines that call the library. What does not belong here: anything that computes (`pipeline/` and
below), and checks (`quality/`).
"""
