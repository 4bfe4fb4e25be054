"""Answers of alphalens-reloaded for a small made-up factor: `factor_study.csv`.

    python3 -m venv /tmp/alphalens && /tmp/alphalens/bin/pip install alphalens-reloaded==0.5.1
    /tmp/alphalens/bin/python quant_platform_tests/oracles/make_factor_study.py

Run by a Python with alphalens-reloaded, and without the platform: values and opens follow from the
formulas of `values_and_opens`, which the test calls as well. Each factor value is paired with the
open that follows its session, so that alphalens' returns are from the next open to the open
`period` sessions later. Without demeaning; periods 1, 2 and 5; 5 quantiles.
"""

from pathlib import Path

import numpy as np
import pandas as pd

SESSIONS, SECURITIES = 60, 30
PERIODS = (1, 2, 5)
QUANTILES = 5
ANSWERS = Path(__file__).with_name("factor_study.csv")


def values_and_opens() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values that differ within each session, and opens that follow them a little."""
    rows, columns = np.arange(SESSIONS)[:, None], np.arange(SECURITIES)[None, :]
    slow = np.sin(0.11 * rows + 1.7 * columns) + 0.4 * np.cos(0.9 * rows * (columns + 1))
    noise = np.sin(12.9898 * (rows + 1) + 78.233 * (columns + 1)) * 43758.5453
    noise -= np.floor(noise) + 0.5
    change = 0.02 * noise
    change[2:] += 0.004 * slow[:-2]
    opens = 40.0 * np.exp(np.cumsum(change, axis=0)) + columns
    days = pd.bdate_range("2001-01-01", periods=SESSIONS, name="date")
    names = pd.Index([f"S{number:02d}" for number in range(SECURITIES)], name="asset")
    return pd.DataFrame(slow, days, names), pd.DataFrame(opens, days, names)


def main() -> None:
    """Write the answers: period, figure, quantile, date, value."""
    from alphalens.performance import (
        factor_information_coefficient,
        factor_rank_autocorrelation,
        mean_return_by_quantile,
        quantile_turnover,
    )
    from alphalens.utils import get_clean_factor_and_forward_returns

    values, opens = values_and_opens()
    data = get_clean_factor_and_forward_returns(
        values.stack(),
        opens.shift(-1).dropna(),
        quantiles=QUANTILES,
        periods=PERIODS,
        max_loss=1.0,
    )
    rows = []
    ic = factor_information_coefficient(data)
    means = mean_return_by_quantile(data, by_date=True, demeaned=False)[0]
    for period in PERIODS:
        name = f"{period}D"
        rows += [(period, "rank_ic", 0, day, value) for day, value in ic[name].items()]
        rows += [(period, "return", of, day, value) for (of, day), value in means[name].items()]
        for of in (1, QUANTILES):
            renewed = quantile_turnover(data["factor_quantile"], of, period)
            rows += [(period, "turnover", of, day, value) for day, value in renewed.items()]
        same = factor_rank_autocorrelation(data, period)
        rows += [(period, "autocorrelation", 0, day, value) for day, value in same.items()]
    frame = pd.DataFrame(rows, columns=["period", "figure", "quantile", "date", "value"])
    frame["date"] = pd.DatetimeIndex(frame["date"]).strftime("%Y-%m-%d")
    frame.dropna().to_csv(ANSWERS, index=False, float_format="%.12g")


if __name__ == "__main__":
    main()
