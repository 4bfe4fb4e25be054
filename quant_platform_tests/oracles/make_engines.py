"""Make `engines.csv` and `engines_positions.csv`: what other engines answer on one market.

Each engine is run by a Python of its own, in which it is installed; this file needs nothing else of
the project, so that it runs there by its path:

    python -m venv zipline; zipline/bin/pip install "zipline-reloaded==3.2.1" "pandas<3"
    python -m venv bt; bt/bin/pip install "bt==1.4.1"
    python -m venv vectorbt; vectorbt/bin/pip install "vectorbt==1.2.0"
    zipline/bin/python quant_platform_tests/oracles/make_engines.py zipline ANSWERS
    bt/bin/python quant_platform_tests/oracles/make_engines.py bt ANSWERS
    vectorbt/bin/python quant_platform_tests/oracles/make_engines.py vectorbt ANSWERS

Each call replaces the engine's rows in the folder ANSWERS and says how long each run took. The
market comes from formulas that give the same bits everywhere; the targets of a session are what an
engine is given at its close.
"""

import csv
import importlib.metadata
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SESSIONS, SECURITIES = 1128, 50
CAPITAL = 1_000_000.0
COMMISSION, HALF_SPREAD = 0.001, 0.0005
"""Shares of the value filled and of the price, in the cases with costs."""

STEP = 16
"""Every so many sessions the equity is recorded, and in the last."""

CASES = ("free", "costs", "long_short")
"""Long without costs and with them, and long and short with them."""

FIRST = "2010-01-04"


def uniform(seed: int, *shape: int) -> FloatArray:
    """Return numbers in [0, 1): SplitMix64 of their place (G. Steele et al., OOPSLA 2014)."""
    place = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) + np.uint64(seed << 40)
    mixed = place * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53, dtype=np.float64).reshape(shape)


def market(
    sessions: int = SESSIONS,
    securities: int = SECURITIES,
    step: float = 0.02,
    drift: float = 0.0003,
) -> dict[str, FloatArray]:
    """Return open, high, low, close in whole cents and volume in shares, (sessions, securities)."""
    shape = (sessions, securities)
    change = step * (uniform(1, *shape) + uniform(2, *shape) - 1.0) + drift
    start: FloatArray = 20.0 + np.floor(100.0 * uniform(3, securities))
    walk = start * np.cumprod(1.0 + change, axis=0)
    close = np.asarray(np.round(walk, 2), dtype=np.float64)
    before = np.vstack((start, close[:-1]))
    opened: FloatArray = np.round(before * (1.0 + 0.01 * (uniform(4, *shape) - 0.5)), 2)
    return {
        "open": opened,
        "high": np.maximum(opened, close) + 0.05,
        "low": np.minimum(opened, close) - 0.05,
        "close": close,
        "volume": np.floor(4e6 + 4e6 * uniform(5, *shape)),
    }


def targets(case: str, sessions: int = SESSIONS, securities: int = SECURITIES) -> FloatArray:
    """Return weights of a case: a tenth of them is 0, and their sizes sum to 1."""
    size = np.where(uniform(6, sessions, securities) < 0.1, 0.0, uniform(7, sessions, securities))
    size = size / size.sum(axis=1, keepdims=True)
    if case == "long_short":
        return 0.9 * np.where(uniform(8, sessions, securities) < 0.5, -size, size)
    return size


def charges(case: str) -> tuple[float, float]:
    """Return the commission and half the spread of a case."""
    return (0.0, 0.0) if case == "free" else (COMMISSION, HALF_SPREAD)


def timed(call):
    """Return what a call returns, and its seconds of wall time and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, (time.perf_counter() - wall, time.process_time() - processor)


def run_zipline(bars, weights, commission, half_spread):
    """Return equity and shares after each session, and the seconds of `run_algorithm`."""
    import exchange_calendars
    import pandas as pd

    os.environ["ZIPLINE_ROOT"] = tempfile.mkdtemp()
    from zipline import run_algorithm
    from zipline.api import order_target_percent, set_commission, set_slippage, symbol
    from zipline.data import bundles
    from zipline.finance.commission import PerDollar
    from zipline.finance.slippage import FixedBasisPointsSlippage

    sessions, securities = weights.shape
    calendar = exchange_calendars.get_calendar("XNYS", start="2009-01-01", end="2016-12-31")
    days = calendar.sessions_window(calendar.date_to_session(FIRST, "next"), sessions + 1)
    days = days[:sessions]
    names = [f"S{number:03d}" for number in range(securities)]

    frames = [
        pd.DataFrame({name: values[:, number] for name, values in bars.items()}, index=days)
        for number in range(securities)
    ]

    def ingest(environ, assets, minute, daily, adjustments, calendar, start, end, *_):
        frame = pd.DataFrame(
            {
                "symbol": names,
                "asset_name": names,
                "start_date": days[0],
                "end_date": days[-1],
                "auto_close_date": days[-1] + pd.Timedelta(days=400),
                "exchange": "NYSE",
            }
        )
        assets.write(
            equities=frame,
            exchanges=pd.DataFrame(
                {"exchange": ["NYSE"], "canonical_name": ["NYSE"], "country_code": ["US"]}
            ),
        )
        daily.write(enumerate(frames))
        adjustments.write()

    bundles.register(
        "engines", ingest, calendar_name="XNYS", start_session=days[0], end_session=days[-1]
    )
    bundles.ingest("engines", show_progress=False)
    held = np.zeros(weights.shape)

    def initialize(context):
        set_commission(PerDollar(cost=commission))
        set_slippage(FixedBasisPointsSlippage(basis_points=1e4 * half_spread, volume_limit=0.1))
        context.assets = [symbol(name) for name in names]
        context.session = 0

    def handle_data(context, data):
        positions = context.portfolio.positions
        for number, asset in enumerate(context.assets):
            held[context.session, number] = positions[asset].amount if asset in positions else 0.0
            order_target_percent(asset, weights[context.session, number])
        context.session += 1

    result, seconds = timed(
        lambda: run_algorithm(
            start=days[0],
            end=days[-1],
            initialize=initialize,
            handle_data=handle_data,
            capital_base=CAPITAL,
            bundle="engines",
            benchmark_returns=pd.Series(0.0, index=days),
        )
    )
    return result["portfolio_value"].to_numpy(), held, seconds


def run_bt(bars, weights, commission, half_spread):
    """Return equity and shares after each session, and the seconds of `bt.run`."""
    import bt
    import pandas as pd

    sessions, securities = weights.shape
    days = pd.bdate_range(FIRST, periods=sessions)
    names = [f"S{number:03d}" for number in range(securities)]
    close = pd.DataFrame(bars["close"], index=days, columns=names)
    strategy = bt.Strategy(
        "engines",
        [
            bt.algos.RunDaily(run_on_first_date=True, run_on_last_date=True),
            bt.algos.WeighTarget(pd.DataFrame(weights, index=days, columns=names)),
            bt.algos.Rebalance(),
        ],
    )
    test = bt.Backtest(
        strategy,
        close,
        initial_capital=CAPITAL,
        commissions=lambda shares, price: abs(shares) * price * commission,
        integer_positions=False,
        additional_data={"bidoffer": 2.0 * half_spread * close} if half_spread else {},
        progress_bar=False,
    )
    seconds = timed(lambda: bt.run(test))[1]
    equity = test.strategy.values.reindex(days).to_numpy()
    held = test.positions.reindex(index=days, columns=names).fillna(0.0).to_numpy()
    return equity, held, seconds


def run_vectorbt(bars, weights, commission, half_spread):
    """Return equity and shares after each session, and the seconds of `from_orders`, warm."""
    import pandas as pd
    import vectorbt as vbt

    days = pd.bdate_range(FIRST, periods=len(weights))
    close = pd.DataFrame(bars["close"], index=days)

    def run():
        portfolio = vbt.Portfolio.from_orders(
            close,
            size=pd.DataFrame(weights, index=days),
            size_type="targetpercent",
            fees=commission,
            slippage=half_spread,
            init_cash=CAPITAL,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            freq="D",
        )
        return portfolio.value().to_numpy(), portfolio.assets().to_numpy()

    run()
    (equity, held), seconds = timed(run)
    return equity, held, seconds


ENGINES = {
    "zipline": ("zipline-reloaded", run_zipline),
    "bt": ("bt", run_bt),
    "vectorbt": ("vectorbt", run_vectorbt),
}


def replace_rows(path, header, engine, rows):
    """Replace the rows of an engine in a file of answers."""
    kept: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as file:
            kept = [row for row in csv.reader(file) if row[0] not in ("engine", engine)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        kept.extend(rows)
        kept.sort(key=lambda row: (row[0], CASES.index(row[2])))
        writer.writerows(kept)


def main():
    """Run one engine on all cases."""
    engine, folder = sys.argv[1], Path(sys.argv[2])
    package, run = ENGINES[engine]
    version = importlib.metadata.version(package)
    folder.mkdir(parents=True, exist_ok=True)
    curves, positions = [], []
    for case in sys.argv[3:] or CASES:
        equity, held, seconds = run(market(), targets(case), *charges(case))
        np.savez(folder / f"{engine}-{case}.npz", equity=equity, held=held, seconds=seconds)
        sys.stdout.write(f"{engine} {version} {case}: {seconds[0]:.3f} s\n")
        last = len(equity) - 1
        for session in sorted({*range(0, last, STEP), last}):
            curves.append([engine, version, case, session, repr(float(equity[session]))])
        for number, shares in enumerate(held[-1]):
            positions.append([engine, version, case, number, repr(float(shares))])
    replace_rows(
        folder / "engines.csv", ["engine", "version", "case", "session", "equity"], engine, curves
    )
    replace_rows(
        folder / "engines_positions.csv",
        ["engine", "version", "case", "security", "shares"],
        engine,
        positions,
    )


if __name__ == "__main__":
    main()
