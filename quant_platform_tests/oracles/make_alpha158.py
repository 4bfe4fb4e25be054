"""Record qlib's Alpha158 on a small invented market: `alpha158_bars.csv`, `alpha158.csv`.

    python quant_platform_tests/oracles/make_alpha158.py

Needs an environment of its own: `pip install pyqlib==0.9.7` (Python 3.11). The market is written
into files of qlib's layout, adjusted for splits and dividends to the last session as qlib's own
data is; its operators then give the answers. The files hold float64 instead of float32, in which
differences of prices lose all but three digits; qlib still rounds its answers to float32.
"""

import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SESSIONS, RECORDED = 84, 12
"""Sessions of the market, and the last ones whose answers are kept."""

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
ACTIONS = {
    "A": {"split": {40: 3.0, 70: 2.0}, "dividend": {55: 0.6, 78: 0.25}},
    "B": {"split": {76: 0.125}, "dividend": {}},
    "C": {"split": {}, "dividend": {30: 1.1, 74: 0.9}},
}


def market() -> pd.DataFrame:
    """Return raw bars with their actions; C stands still for a while, with equal volumes."""
    random = np.random.default_rng(20240311)
    days = np.busday_offset("2024-01-02", np.arange(SESSIONS), roll="forward")
    frames = []
    for symbol, start in (("A", 240.0), ("B", 9.0), ("C", 60.0)):
        split = [ACTIONS[symbol]["split"].get(row, 1.0) for row in range(SESSIONS)]
        dividend = [ACTIONS[symbol]["dividend"].get(row, 0.0) for row in range(SESSIONS)]
        change = random.normal(0.0, 0.02, SESSIONS)
        volume = np.round(random.lognormal(14.0, 0.5, SESSIONS) * np.cumprod(split))
        if symbol == "C":
            change[66:72] = 0.0
            volume[66:72] = volume[66]
        close = np.round(start * np.exp(np.cumsum(change)) / np.cumprod(split), 2)
        opened = np.round(close * np.exp(random.normal(0.0, 0.008, SESSIONS)), 2)
        high = np.round(np.maximum(opened, close) * (1 + random.uniform(0, 0.01, SESSIONS)), 2)
        low = np.round(np.minimum(opened, close) * (1 - random.uniform(0, 0.01, SESSIONS)), 2)
        vwap = np.round((high + low + close) / 3, 4)
        bars = {"open": opened, "high": high, "low": low, "close": close, "vwap": vwap}
        frames.append(
            pd.DataFrame(
                {"date": days, "symbol": symbol, **bars, "volume": volume}
                | {"split": split, "dividend": dividend}
            )
        )
    return pd.concat(frames, ignore_index=True)


def adjusted(bars: pd.DataFrame) -> pd.DataFrame:
    """Return one symbol's bars in the units of its last session, dividends reinvested."""
    step = bars["close"] / (bars["close"] + bars["dividend"]) / bars["split"]
    factor = step[::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
    result = bars.copy()
    for name in FIELDS:
        result[name] = bars[name] / factor if name == "volume" else bars[name] * factor
    return result


def write_qlib(bars: pd.DataFrame, folder: Path, kind: str = "<f4") -> None:
    """Write adjusted bars as qlib's files: calendar, instruments, a file of numbers a field."""
    days = np.unique(bars["date"].dt.strftime("%Y-%m-%d"))
    (folder / "calendars").mkdir(parents=True)
    (folder / "calendars" / "day.txt").write_text("\n".join(days) + "\n")
    (folder / "instruments").mkdir()
    lines = [f"{symbol}\t{days[0]}\t{days[-1]}" for symbol in bars["symbol"].unique()]
    (folder / "instruments" / "all.txt").write_text("\n".join(lines) + "\n")
    for symbol, rows in bars.groupby("symbol"):
        place = folder / "features" / str(symbol).lower()
        place.mkdir(parents=True)
        start = float(np.searchsorted(days, rows["date"].iloc[0].strftime("%Y-%m-%d")))
        for name in FIELDS:
            values = np.concatenate([[start], rows[name].to_numpy()])
            values.astype(kind).tofile(place / f"{name}.day.bin")


def read_doubles() -> None:
    """Have qlib read float64."""
    storage = import_module("qlib.data.storage.file_storage").FileFeatureStorage

    def rows(self: Any, wanted: slice) -> pd.Series:
        numbers = np.fromfile(self.uri, "<f8")
        first = int(numbers[0])
        series = pd.Series(numbers[1:], index=pd.RangeIndex(first, first + len(numbers) - 1))
        return series.loc[wanted.start : wanted.stop - 1]

    storage.__getitem__ = rows


def by_qlib(folder: Path, **settings: Any) -> pd.DataFrame:
    """Return Alpha158 of the files in `folder`: rows of (instrument, datetime)."""
    loader = import_module("qlib.contrib.data.loader").Alpha158DL
    defaults: Mapping[str, Any] = {"kernels": 1, "expression_cache": None, "dataset_cache": None}
    import_module("qlib").init(provider_uri=str(folder), region="us", **{**defaults, **settings})
    fields, names = loader.get_feature_config()
    data = import_module("qlib.data").D
    values: pd.DataFrame = data.features(data.instruments("all"), fields, freq="day")
    values.columns = pd.Index(names)
    return values


def main() -> None:
    """Write both files."""
    bars = market()
    bars.to_csv(HERE / "alpha158_bars.csv", index=False)
    with tempfile.TemporaryDirectory() as folder:
        parts = [adjusted(rows) for _, rows in bars.groupby("symbol")]
        write_qlib(pd.concat(parts), Path(folder), "<f8")
        read_doubles()
        values = by_qlib(Path(folder))
    last = values.groupby(level="instrument").tail(RECORDED)
    last.reset_index().to_csv(HERE / "alpha158.csv", index=False, float_format="%.8g")


if __name__ == "__main__":
    main()
