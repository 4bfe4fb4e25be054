"""When the cash of a trade is there, after the rule of its day.

In the US a trade settled five sessions later until 6 June 1995, three until 4 September 2017, two
until 27 May 2024, and one since: Securities and Exchange Commission, Rule 15c6-1 as adopted in
Release 34-33023 (1993) and amended by Releases 34-80295 (2017) and 34-96930 (2023).

What does not belong here: the cash itself (`engine/cash.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import SessionArray

US_RULES = (("1995-06-07", 3), ("2017-09-05", 2), ("2024-05-28", 1))
"""First trade dates of the rules, with the sessions until settlement; five before the first."""

BEFORE = 5


def settlement_lags(sessions: SessionArray, rule: str) -> np.ndarray:
    """Return after how many sessions the trades of each are settled; `rule`: `none` or `us`.

    Examples
    --------
    >>> import numpy as np
    >>> settlement_lags(np.array(["2017-09-01", "2017-09-05"], "datetime64[D]"), "us").tolist()
    [3, 2]
    """
    lags = np.zeros(len(sessions), dtype=np.int64)
    if rule == "us":
        lags[:] = BEFORE
        for first, lag in US_RULES:
            lags[sessions >= np.datetime64(first)] = lag
    return lags
