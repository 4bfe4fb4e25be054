"""Random portfolio rows for the tests of performance figures; no prices and no database."""

import numpy as np
import pandas as pd

BENCHMARK, MODEL, LATE = 1, 2, 3


def make_portfolios(lengths: dict[int, int], sessions: int, seed: int = 0) -> pd.DataFrame:
    """Random portfolio rows; each model has the last so many of the sessions."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2001-01-01", periods=sessions)
    frames = []
    for model, length in lengths.items():
        returns = rng.normal(0.0005, 0.01, length)
        returns[0] = 0.0
        judged = rng.integers(0, 4, length)
        frames.append(
            pd.DataFrame(
                {
                    "date": dates[sessions - length :],
                    "model_id": model,
                    "daily_return": returns,
                    "turnover": rng.random(length) * 0.1,
                    "gross_exposure": rng.random(length),
                    "trade_count": rng.integers(0, 3, length),
                    "signals_judged": judged,
                    "signals_hit": judged // 2,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


PORTFOLIOS = make_portfolios({BENCHMARK: 300, MODEL: 300, LATE: 30}, 300)
DATES = pd.DatetimeIndex(PORTFOLIOS["date"].unique())
