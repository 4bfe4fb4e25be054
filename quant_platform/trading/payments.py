"""When dividends are paid.

A dividend is owed from its ex-date on. Its pay date is the vendor's, or else `Costs.pay_lag` days
after the ex-date; it is cash in the first session on or after that day.

What does not belong here: the cash itself (`engine/cash.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.trading.costs import Costs


@dataclass(frozen=True)
class Payments:
    """The dates on which the dividends of a simulation are paid.

    Attributes
    ----------
    dates : datetime64[D] (P,), ascending
    session : (P,) number of the session in which each is paid, that of no session where later
    slot : (T, N) number of the date of each dividend, whatever where there is none; (0, 0): all are
        paid on their ex-dates
    """

    dates: SessionArray
    session: NDArray[np.int64]
    slot: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        costs: Costs,
        dividend: FloatArray,
        sessions: SessionArray,
        security_ids: tuple[str, ...],
        actions: pd.DataFrame | None,
        owed: Iterable[np.datetime64],
    ) -> "Payments":
        """Find the dates of the dividends of these sessions, and of those owed before.

        Parameters
        ----------
        dividend : (T, N) amounts per share by ex-date
        actions : rows of `corporate_actions` with date, security_id and paid_on; None: no pay
            date is known
        owed : dates of payment of what is owed before the first session
        """
        nothing = np.zeros((0, 0), dtype=np.int64)
        earlier = np.array(list(owed), dtype="datetime64[D]")
        if costs.dividends_paid == "ex_date":
            dates = np.unique(earlier)
            return cls(dates, _session_of(dates, sessions), nothing)
        at = np.nonzero(dividend)
        ex = sessions[at[0]]
        paid = ex + np.timedelta64(costs.pay_lag, "D")
        if actions is not None and "paid_on" in actions and len(at[0]):
            known = actions.dropna(subset=["paid_on"])
            latest = known.groupby(["date", "security_id"])["paid_on"].max()
            names = [security_ids[column] for column in at[1]]
            keys = pd.MultiIndex.from_arrays([pd.DatetimeIndex(ex), names])
            stated = latest.reindex(keys).to_numpy().astype("datetime64[D]")
            # One before the ex-date is an error of the vendor's.
            paid = np.where(np.isnat(stated), paid, np.maximum(stated, ex))
        dates = np.unique(np.concatenate((earlier, paid)))
        # Of zeros, which take no memory where there is no dividend: nobody looks there.
        slot = np.zeros(dividend.shape, dtype=np.int64)
        slot[at] = np.searchsorted(dates, paid)
        return cls(dates, _session_of(dates, sessions), slot)


def _session_of(dates: SessionArray, sessions: SessionArray) -> NDArray[np.int64]:
    return np.searchsorted(sessions, dates).astype(np.int64)
