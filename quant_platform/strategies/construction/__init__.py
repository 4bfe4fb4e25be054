"""From forecasts to weights: which share of the equity each chosen security gets, within limits.

`plain.py` has the rules that need no package, `estimators.py` those of skfolio, `limits.py` the
limits, and `chain.py` goes from choice to choice. What does not belong here: which securities a
forecast prefers, and a model's parameters (`library/constructed.py`).
"""
