"""Where a result came from: parts that add up to the P&L of an account, or to its active return.

`account.py` has what is attributed, `gains.py` the parts by session and security, `totals.py` sums
of them, `trips.py` round trips, `brinson.py` and `linking.py` the return against a benchmark, and
`factors.py` that of factors. What does not belong here: reading rows, and pictures of them.
"""
