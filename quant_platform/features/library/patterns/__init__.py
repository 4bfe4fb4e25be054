"""The set `patterns`: TA-Lib's overlap, momentum, volume and volatility studies.

Those that `technical` has are not repeated. Names and parameters are TA-Lib's defaults unless a
name says otherwise. A recursive average runs over a finite window with normalised weights, as in
`technical`: TA-Lib's values are met once its own start weighs nothing. A running total (AD, OBV) is
its change over 20 sessions, since a total depends on where the history begins. For the same reason
the parabolic SAR, KAMA, MAMA and the Hilbert transform are not here.

What does not belong here: averages of other sets.
"""
