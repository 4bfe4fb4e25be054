"""Features: quantities of every session and security, computed from a `Panel`.

`library/` holds them, `feature_registry.py` finds them, `compute.py` computes them. What does not
belong here: the window kernels that they are made of (`kernels/`), and reading or storing rows
(`pipeline/features.py`).
"""
