"""Alpha158 against qlib's own answers, over splits and dividends (`oracles/make_alpha158.py`)."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from quant_platform.features.compute import compute_features
from quant_platform.market.panel import Panel
from quant_platform_tests.oracles import make_alpha158

TOLERANCE = 1e-5
"""Relative; qlib rounds to float32, and so does the set."""


@cache
def answers() -> pd.DataFrame:
    return pd.read_csv(make_alpha158.HERE / "alpha158.csv", parse_dates=["datetime"])


@cache
def ours() -> pd.DataFrame:
    bars = pd.read_csv(make_alpha158.HERE / "alpha158_bars.csv", parse_dates=["date"])
    bars = bars.rename(columns={"symbol": "security_id"})
    keys = bars[["date", "security_id"]]
    actions = pd.concat(
        [
            keys.assign(action_type="split", split_ratio=bars["split"], cash_amount=np.nan),
            keys.assign(action_type="cash", split_ratio=np.nan, cash_amount=bars["dividend"]),
        ]
    )
    prices = {name: f"{name}_price" for name in ("open", "high", "low", "close")}
    sessions = np.unique(bars["date"].to_numpy().astype("datetime64[D]"))
    panel = Panel.from_frames(bars.rename(columns=prices), actions, sessions)
    frame = compute_features(panel, last=make_alpha158.RECORDED, names=["alpha158"])
    return frame.sort_values(["security_id", "date"], ignore_index=True)


def test_all_of_them_are_there() -> None:
    assert len(answers()) == 3 * make_alpha158.RECORDED
    assert {name.lower() for name in answers().columns[2:]} == set(ours().columns[2:])
    assert len(ours().columns) == 2 + 158


@pytest.mark.parametrize("name", answers().columns[2:])
def test_values(name: str) -> None:
    """Every value of a full window, and none where qlib has none."""
    theirs = answers().sort_values(["instrument", "datetime"])[name].to_numpy()
    mine = ours()[name.lower()].to_numpy(dtype=np.float64)
    np.testing.assert_allclose(mine, theirs, rtol=TOLERANCE, atol=1e-8)
