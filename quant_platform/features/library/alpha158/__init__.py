"""Alpha158: the features of qlib's data handler of that name, with its definitions.

Names are qlib's in lower case: `KMID` is `kmid`, `ROC60` is `roc60`. Three things are ours:

1. Prices and volumes are in the units of their own session. Older ones are moved into them by the
   splits and the dividends (reinvested at the ex-date's close) in between, as adjusted prices are:
   qlib's own data is adjusted for both. So no value depends on an action after its session.
2. A value exists where its window is full, without an unknown price or volume: qlib's values of
   shorter windows depend on where its data begins. `roc`, and what compares each session with the
   one before it, need one session more than their window.
3. `vwap0` takes the volume-weighted average price that the vendor gives with a bar, as qlib takes
   that of its data; where a bar has none (no bar of the sample has), (high + low + close) / 3.

All are free of units. `ε` is 1e-12. Source: Yang et al. (2020), "Qlib: An AI-oriented Quantitative
Investment Platform", and its `qlib.contrib.data.loader.Alpha158DL`, version 0.9.7. What does not
belong here: features of our own.
"""
