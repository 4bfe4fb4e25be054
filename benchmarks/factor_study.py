"""A factor study beside alphalens-reloaded, on the same market in one run.

    python3 -m venv /tmp/alphalens && /tmp/alphalens/bin/pip install alphalens-reloaded==0.5.1
    python benchmarks/factor_study.py --alphalens /tmp/alphalens/bin/python

500 securities × 1,260 sessions, horizons of 1, 5 and 21 sessions, 5 quantiles (reach 0.3 s). Ours,
from a panel of bars and the factor's values in memory to all tables: later returns, Pearson's and
rank correlations, slopes, errors, quantile returns, spread, turnover, costs, autocorrelation at
three lags, decay at nine, half-lives, coverage, and correlations within eleven sectors and three
sizes. alphalens' figures are fewer: later returns, rank correlations, quantile returns, their
spread, turnover of each quantile and autocorrelation, from frames in memory.

The row is void unless all figures that both have are equal within 1e-9, in the sessions in which
alphalens has the returns of all horizons. Its filter of returns beyond 20 deviations, which looks
ahead, is switched off. The machine may be shared, so seconds of the processor
stand beside those of the clock. Without `--alphalens` only ours is timed.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.research.factor import FactorPlan, StudiedMarket
from quant_platform.research.factor_result import FactorStudy

SECURITIES, SESSIONS, HORIZONS, QUANTILES, SECTORS = 500, 1260, (1, 5, 21), 5, 11
REPEAT, WITHIN = 5, 1e-9

RIVAL = """
import time, sys, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
from alphalens.performance import (factor_information_coefficient, mean_return_by_quantile,
    compute_mean_returns_spread, quantile_turnover, factor_rank_autocorrelation)
from alphalens.utils import get_clean_factor_and_forward_returns
folder, horizons, quantiles = sys.argv[1], [int(each) for each in sys.argv[2].split(",")], 5
given = np.load(f"{folder}/market.npz")
names = pd.Index([f"S{number:03d}" for number in range(given["opens"].shape[1])], name="asset")
opens, values = (pd.DataFrame(given[each], pd.DatetimeIndex(given["days"][:len(given[each])],
    name="date"), names) for each in ("opens", "values"))
prices, factor = opens.shift(-1).dropna(), values.stack()

def study():
    data = get_clean_factor_and_forward_returns(factor, prices, quantiles=quantiles,
        periods=horizons, max_loss=1.0, filter_zscore=None)
    ic = factor_information_coefficient(data)
    means, errors = mean_return_by_quantile(data, by_date=True, demeaned=False)
    spread = compute_mean_returns_spread(means, quantiles, 1, errors)
    of = data["factor_quantile"]
    turnover = {(h, q): quantile_turnover(of, q, h) for h in horizons
        for q in range(1, quantiles + 1)}
    same = {h: factor_rank_autocorrelation(data, h) for h in horizons}
    return ic, means, turnover, same

study()
wall, used = time.perf_counter(), time.process_time()
ic, means, turnover, same = study()
print("seconds", time.perf_counter() - wall, time.process_time() - used)
rows = {}
for h in horizons:
    rows[f"rank_ic {h} 0"] = ic[f"{h}D"]
    rows[f"autocorrelation {h} 0"] = same[h]
    for q in range(1, quantiles + 1):
        rows[f"return {h} {q}"] = means[f"{h}D"].loc[q]
        rows[f"turnover {h} {q}"] = turnover[h, q]
pd.DataFrame(rows).reindex(values.index).to_csv(f"{folder}/answers.csv")
"""


def market() -> tuple[Panel, FloatArray]:
    """A market whose every security trades in every session, and values that foretell a little."""
    random = np.random.default_rng(7)
    shape = (SESSIONS + max(HORIZONS) + 1, SECURITIES)
    values = random.normal(size=shape)
    for row in range(1, len(values)):
        values[row] = 0.9 * values[row - 1] + np.sqrt(1.0 - 0.81) * values[row]
    change = 0.02 * random.standard_t(4, shape)
    change[2:] += 0.0004 * values[:-2]
    opens = 50.0 * np.exp(np.cumsum(change, axis=0))
    days = np.busday_offset("2001-01-01", np.arange(len(opens)), roll="forward").astype("M8[D]")
    panel = Panel(
        days,
        tuple(f"S{number:03d}" for number in range(SECURITIES)),
        open=opens,
        close=opens * np.exp(random.normal(0.0, 0.01, shape)),
        volume=random.lognormal(12.0, 1.0, shape),
        sectors=np.broadcast_to(np.arange(SECURITIES, dtype=np.int32) % SECTORS, shape),
        sector_names=tuple(f"sector {number}" for number in range(SECTORS)),
    )
    return panel, values


def ours(panel: Panel, values: FloatArray) -> FactorStudy:
    """Make all tables."""
    plan = FactorPlan(HORIZONS, QUANTILES)
    study = StudiedMarket(panel, SESSIONS, plan).studies({"factor": values})["factor"]
    study.summary, study.half_life  # noqa: B018 — they are computed when they are asked for
    return study


def compared(study: FactorStudy, answers: pd.DataFrame) -> int:
    """Hold our figures against alphalens'; return how many there are."""
    count = 0
    for name, theirs in answers.items():
        figure, horizon, quantile = str(name).split()
        frame = {
            "rank_ic": study.rank_ic,
            "autocorrelation": study.autocorrelation,
            "return": study.returns,
            "turnover": study.turnover,
        }[figure]
        mine = frame[int(horizon)] if quantile == "0" else frame[int(horizon), int(quantile)]
        known = theirs.dropna()
        np.testing.assert_allclose(
            mine.reindex(known.index), known, rtol=WITHIN, atol=WITHIN, err_msg=str(name)
        )
        count += len(known)
    return count


def main() -> None:
    """Print seconds, and whether the figures agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alphalens", help="Python that has alphalens-reloaded")
    rival = parser.parse_args().alphalens
    panel, values = market()
    ours(panel, values)
    taken = []
    for _ in range(REPEAT):
        wall, used = time.perf_counter(), time.process_time()
        study = ours(panel, values)
        taken.append((time.perf_counter() - wall, time.process_time() - used))
    wall, used = map(min, zip(*taken, strict=True))
    print(f"ours       {wall:7.3f} s, processor {used:7.3f} s")
    if rival is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        days = panel.sessions.astype("M8[ns]")
        np.savez(Path(folder) / "market", opens=panel.open, values=values[:SESSIONS], days=days)
        words = [rival, "-c", RIVAL, folder, ",".join(map(str, HORIZONS))]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        seconds = next(line for line in done.stdout.splitlines() if line.startswith("seconds"))
        theirs, processor = map(float, seconds.split()[1:])
        print(f"alphalens  {theirs:7.3f} s, processor {processor:7.3f} s")
        count = compared(
            study, pd.read_csv(Path(folder) / "answers.csv", index_col=0, parse_dates=[0])
        )
        print(f"equal in {count:,} figures; {processor / used:.0f} times less of the processor")


if __name__ == "__main__":
    main()
