"""Alpha158 beside qlib, on the same generated market in one run.

    python -m venv /tmp/qlib && /tmp/qlib/bin/pip install pyqlib==0.9.7        (Python 3.11)
    python benchmarks/alpha158.py --qlib /tmp/qlib/bin/python [--symbols 100] [--sessions 2520]

Ours: `feature_frames` over a panel, raw bars in, rows of 158 features out, frame after frame. qlib:
`D.features` with Alpha158's expressions over its own float32 files, adjusted for the same splits
and dividends, on as many processes as there are cores, without a cache. Before the clock starts
ours has compiled its kernels; the first call of qlib is timed, as a user makes it once.

The row is void unless every value of a full window agrees within 1e-5, relative; correlations of
price and volume absolute, since the 1 in ln(volume + 1) is a share of whatever session the volumes
are adjusted to. For that qlib runs a second time, not timed, over the same numbers as float64: as
float32, differences of prices have three digits. Without `--qlib` only ours is timed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from feature_kernels import random_panel

from quant_platform.features.compute import feature_frames
from quant_platform.market.panel import Panel

TOLERANCE, NOTHING = 1e-5, 1e-8
REPEAT = 3
ORACLE = Path(__file__).parents[1] / "quant_platform_tests" / "oracles"

RIVAL = """
import resource, sys, time
from pathlib import Path
sys.path.insert(0, {oracle!r})
import make_alpha158
import pandas as pd

if __name__ == "__main__":
    bars = pd.read_parquet({bars!r})
    for kind in ("<f4", "<f8"):
        make_alpha158.write_qlib(bars, Path({folder!r}) / kind[1:], kind)
    begun, before = time.perf_counter(), time.process_time()
    make_alpha158.by_qlib(Path({folder!r}) / "f4", kernels={cores})
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used = sum(each.ru_utime + each.ru_stime for each in spent) - before
    print("seconds", time.perf_counter() - begun, used)
    make_alpha158.read_doubles()
    values = make_alpha158.by_qlib(Path({folder!r}) / "f8", kernels=1)
    values.reset_index().to_parquet({answers!r})
"""


def adjusted_rows(panel: Panel) -> pd.DataFrame:
    """Return the panel's bars in the units of its last session, dividends reinvested."""
    step = panel.close / (panel.close + panel.dividend) / panel.split
    through = np.cumprod(step[::-1], axis=0)[::-1]
    factor = np.vstack((through[1:], np.ones(through.shape[1])))
    prices = {name: getattr(panel, name) * factor for name in ("open", "high", "low", "close")}
    arrays = {**prices, "volume": panel.volume / factor}
    arrays["vwap"] = (prices["high"] + prices["low"] + prices["close"]) / 3.0
    frame = panel.frame(arrays)
    return frame.rename(columns={"security_id": "symbol"})


def by_qlib(python: str, panel: Panel, cores: int) -> tuple[float, float, pd.DataFrame]:
    """Seconds of qlib, those of its processors, and its answers."""
    with tempfile.TemporaryDirectory() as folder:
        bars, answers = f"{folder}/bars.parquet", f"{folder}/answers.parquet"
        adjusted_rows(panel).to_parquet(bars)
        script = Path(folder) / "rival.py"
        script.write_text(
            RIVAL.format(oracle=str(ORACLE), bars=bars, folder=folder, answers=answers, cores=cores)
        )
        run = subprocess.run([python, str(script)], check=True, capture_output=True, text=True)
        seconds = next(line for line in run.stdout.splitlines() if line.startswith("seconds"))
        wall, processors = (float(text) for text in seconds.split()[1:])
        return wall, processors, pd.read_parquet(answers)


def frames(panel: Panel) -> Iterator[pd.DataFrame]:
    """Yield our rows, frame after frame."""
    for _, rows in feature_frames(panel, names=["alpha158"]):
        yield rows


def seconds_of_ours(panel: Panel) -> tuple[float, float]:
    """Return the best of some runs over all frames, and the best of the processors' seconds."""
    best, least = np.inf, np.inf
    for _ in range(REPEAT + 1):
        begun, before = time.perf_counter(), time.process_time()
        for _frame in frames(panel):
            pass
        best = min(best, time.perf_counter() - begun)
        least = min(least, time.process_time() - before)
    return best, least


def compare(panel: Panel, theirs: pd.DataFrame) -> tuple[int, int]:
    """Return the values compared, and those that differ."""
    ours = pd.concat(list(frames(panel))).sort_values(["security_id", "date"])
    theirs = theirs.sort_values(["instrument", "datetime"])
    compared = wrong = 0
    for name in theirs.columns.drop(["instrument", "datetime"]):
        mine = ours[name.lower()].to_numpy(dtype=np.float64)
        answer = theirs[name].to_numpy(dtype=np.float64)
        full = ~np.isnan(mine)
        compared += int(full.sum())
        absolute = TOLERANCE if name.startswith("CORR") else NOTHING
        near = np.isclose(mine[full], answer[full], rtol=TOLERANCE, atol=absolute)
        wrong += int((~near).sum())
    return compared, wrong


def main() -> None:
    """Print both times and what was compared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qlib", help="Python of an environment with qlib")
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=2520)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    panel = random_panel(options.sessions, options.symbols)
    ours, used = seconds_of_ours(panel)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{options.symbols} × {options.sessions}, 158 features")
    print(f"ours   {ours:8.2f} s   of processors {used:8.2f} s   peak {peak:.2f} GB")
    if options.qlib:
        rival, spent, theirs = by_qlib(options.qlib, panel, options.cores)
        compared, wrong = compare(panel, theirs)
        print(f"qlib   {rival:8.2f} s   of processors {spent:8.2f} s")
        print(f"{rival / ours:.0f} times as long, {spent / used:.0f} times the processors' time")
        print(f"{compared:,} values compared, {wrong:,} differ")
        if wrong or not compared:
            sys.exit("VOID: the values differ")


if __name__ == "__main__":
    main()
