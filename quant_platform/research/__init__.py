"""The notebook's room: what is stored, and backtests, as frames; no Dagster.

`store.py` is what a user holds, `arguments.py` what a user writes. `prices.py` and `backtest.py`
compute, `reader.py` reads tables for both, and `result.py` is what a backtest returns. What is
public of them is named by `quant_platform` itself.

What does not belong here: what the daily pipeline needs (`pipeline/`).
"""
