"""The engine's reference: the same rules in NumPy, session by session, all securities at once.

It is what the engine is compared with, bit for bit, and what works where Numba is missing. It is
written from the rules, not from the engine: `sessions.py` has the order of events and what changes
without an order, `trades.py` what is wanted, ordered and filled. Sums run in the order of the
securities (`ledger.total`), as the engine's.

What does not belong here: a rule that the engine has not.
"""
