"""The simulation's compiled engine: one account, session by session, over (sessions, securities).

`layout.py` names the arrays, `loop.py` is the order of events in a session, and each other module
is one part of it. All functions take arrays and change the book in place. They are compiled by
Numba when the first simulation imports this package (`trading/simulation.py`).

Two rules keep the bits independent of how history is cut and of which securities are looked at.
Sums run over the securities in their order, so that one without a position adds 0.0 and changes
none. And whatever outlives a session stands in `Book`, `ACCOUNT` or the due cash.

What does not belong here: frames, settings, dates (`trading/simulation.py`).
"""
