"""Simulations side by side with zipline, bt and vectorbt, on the same markets and targets.

Each rival runs in a Python of its own, given by an argument; one that is not given is left out.
`quant_platform_tests/oracles/make_engines.py` says how to install them.

    python benchmarks/engines.py --zipline PYTHON --bt PYTHON --vectorbt PYTHON [--rows daily,whole]

- `daily`: 50 securities × 1,128 sessions, all traded daily with costs.
- `whole`: 1,000 × 1,000, one million orders; vectorbt's first call in its process, and a later one.
- `long_short`: 250 × 5,040, 25 long and 25 short, daily.
- `bars`: 8 × 1,000,000, eight million orders.

A result is all of it: equity, positions, fills and metrics. Arrays are the equity, the shares after
each session and the fills by column, as the engine writes them; vectorbt's are records likewise. A
row is void unless equity and last positions are the rival's within 1e-6. The machine may be shared,
so seconds of the processor stand beside those of the clock, and the ratio is taken of them. All of
it is one account with one cash.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from quant_platform.evaluation.performance import performance_rows
from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading import simulation
from quant_platform.trading.costs import Costs
from quant_platform.trading.engine import loop
from quant_platform.trading.simulation import Simulation, simulate
from quant_platform_tests.oracles import make_engines
from quant_platform_tests.oracles.make_engines import (
    CAPITAL,
    COMMISSION,
    HALF_SPREAD,
    market,
    targets,
    uniform,
)
from quant_platform_tests.support.engines import costs_of, executed, orders_of, panel_of

HERE = Path(__file__).parent
WITHIN = 1e-6


class Seconds(NamedTuple):
    """Seconds of the clock and of the processor."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:9.4f} s, of the processor {self.processor:9.4f} s"


def measured(call: Callable[[], Any], repeat: int = 1) -> tuple[Any, Seconds]:
    """Return what a call returns, and its least seconds."""
    taken = []
    for _ in range(repeat):
        wall, processor = time.perf_counter(), time.process_time()
        result = call()
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
    return result, Seconds(*map(min, zip(*taken, strict=True)))


@contextmanager
def engine_alone() -> Iterator[list[Seconds]]:
    """Note the seconds of the compiled engine inside `simulate`."""
    original: Callable[..., None] = loop.run
    noted: list[Seconds] = []

    def run(*arguments: Any) -> None:
        noted.append(measured(lambda: original(*arguments))[1])

    with mock.patch.object(simulation, "run", run):
        yield noted


def metrics_of(done: Simulation) -> object:
    """Compute all metrics of the last session."""
    rows = done.portfolios.assign(model_id=1)
    return performance_rows(rows, 1, done.sessions[-1:])


def ours(
    bars: dict[str, FloatArray], weights: FloatArray, costs: Costs, repeat: int
) -> tuple[Simulation, Seconds]:
    """Print our seconds; return the simulation and the seconds of a whole result."""
    panel = panel_of(bars)
    orders = orders_of(panel, weights)

    def whole() -> Simulation:
        done = simulate(panel, orders, costs=costs, capital=CAPITAL, shares_only=True)
        done.fills.shape, metrics_of(done)  # frames are made when they are asked for
        return done

    def with_fills() -> tuple[int, ...]:
        done = simulate(panel, orders, costs=costs, capital=CAPITAL, shares_only=True)
        return done.fills.shape

    whole()
    with engine_alone() as noted:
        done, arrays = measured(
            lambda: simulate(panel, orders, costs=costs, capital=CAPITAL, shares_only=True), repeat
        )
    print(f"  ours, engine alone       {Seconds(*map(min, zip(*noted, strict=True)))}")
    print(f"  ours, arrays             {arrays}")
    print(f"  ours, and frame of fills {measured(with_fills, repeat)[1]}")
    done, seconds = measured(whole, repeat)
    print(f"  ours, frames and metrics {seconds}; {len(done.fills):,} fills")
    return done, seconds


def compare(name: str, answer: Any, result: tuple[Simulation, Seconds], extra: str = "") -> None:
    """Print a rival's line, void where the values differ."""
    (done, mine), theirs = result, Seconds(*answer["seconds"])
    held = answer["held"] if answer["held"].ndim == 1 else answer["held"][-1]
    equity = done.portfolios["equity"].to_numpy()
    same = np.allclose(equity, answer["equity"], rtol=WITHIN, atol=0.0) and np.allclose(
        done.shares[-1], held, rtol=WITHIN, atol=WITHIN
    )
    ratio = f"ratio {theirs.processor / mine.processor:.0f}" if same else "VOID: values differ"
    print(f"  {name:24} {theirs}{extra}; {ratio}")


def daily(options: argparse.Namespace, folder: Path) -> None:
    """Compare all three, each with its own preset."""
    for engine in ("zipline", "bt", "vectorbt"):
        python = getattr(options, engine)
        if python is None:
            print(f"  {engine}: left out; give its Python with --{engine}")
            continue
        done = ours(
            market(),
            executed(engine, targets("costs")),
            costs_of(engine, COMMISSION, HALF_SPREAD),
            options.repeat,
        )
        subprocess.run(
            [python, make_engines.__file__, engine, str(folder), "costs"],
            check=True,
            capture_output=True,
        )
        compare(engine, np.load(folder / f"{engine}-costs.npz"), done)


def against_vectorbt(
    options: argparse.Namespace, folder: Path, bars: dict[str, FloatArray], weights: FloatArray
) -> None:
    """Compare with vectorbt alone."""
    done = ours(bars, weights, costs_of("vectorbt", COMMISSION, HALF_SPREAD), options.repeat)
    if options.vectorbt is None:
        print("  vectorbt: left out; give its Python with --vectorbt")
        return
    given, answer = folder / "given.npz", folder / "answer.npz"
    np.savez(
        given,
        close=bars["close"],
        weights=weights,
        commission=COMMISSION,
        half_spread=HALF_SPREAD,
        capital=CAPITAL,
    )
    subprocess.run(
        [options.vectorbt, str(HERE / "_vectorbt_orders.py"), str(given), str(answer)], check=True
    )
    found = np.load(answer)
    compare("vectorbt", found, done, f", first call {found['first']:.1f} s")


def whole(options: argparse.Namespace, folder: Path) -> None:
    """One million orders, and our first call in a new process."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import engines; engines.first_call()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(HERE)], check=True, capture_output=True, text=True
    )
    print(f"  ours, first call         {done.stdout.strip()}")
    against_vectorbt(options, folder, market(1000, 1000), targets("costs", 1000, 1000))


def first_call() -> None:
    """Print the seconds of the first simulation of this process."""
    bars, weights = market(1000, 1000), targets("costs", 1000, 1000)
    panel = panel_of(bars)
    orders = orders_of(panel, weights)
    costs = costs_of("vectorbt", COMMISSION, HALF_SPREAD)
    print(
        measured(lambda: simulate(panel, orders, costs=costs, capital=CAPITAL, shares_only=True))[1]
    )


def long_short(options: argparse.Namespace, folder: Path) -> None:
    """25 long and 25 short of 250 securities, by a score that takes 21 sessions to be another."""
    sessions, securities, side, period = 5040, 250, 25, 21
    knots, at = uniform(9, sessions // period + 2, securities), np.arange(sessions)
    part = (at % period / period)[:, None]
    score = (1.0 - part) * knots[at // period] + part * knots[at // period + 1]
    rank = score.argsort(axis=1).argsort(axis=1)
    weights = np.where(rank < side, 0.02, np.where(rank >= securities - side, -0.02, 0.0))
    against_vectorbt(options, folder, market(sessions, securities), weights)


def bars(options: argparse.Namespace, folder: Path) -> None:
    """Eight securities, a million bars each."""
    sessions, securities = 1_000_000, 8
    walk = market(sessions, securities, step=0.0005, drift=0.0)
    against_vectorbt(options, folder, walk, targets("long_short", sessions, securities) / 10_000.0)


ROWS = {"daily": daily, "whole": whole, "long_short": long_short, "bars": bars}


def main() -> None:
    """Run the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for engine in make_engines.ENGINES:
        parser.add_argument(f"--{engine}", help="the Python that has it")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for row in options.rows.split(","):
            print(f"{row}: {ROWS[row].__doc__}")
            ROWS[row](options, Path(folder))


if __name__ == "__main__":
    main()
