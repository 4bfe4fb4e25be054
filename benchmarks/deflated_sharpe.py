"""Is the deflated Sharpe ratio right about luck and about skill? On markets whose truth is planted.

Each repetition is a synthetic market of its own seed. A thousand strategies hold random long and
short weights, renewed every month: the best of them has no skill, and should be below 0.95 in at
least 95 % of the repetitions. One more follows the planted signal `fast`, before costs: it should
be above 0.95 in at least 80 %, deflated by all 1,001. Both by the raw and by the effective number
of trials. There is no rival: the truth is the limit.

Run: python benchmarks/deflated_sharpe.py [--repetitions 200] [--strategies 1000]
    [--securities 100] [--sessions 504]
"""

import argparse
from datetime import date

import numpy as np

from quant_platform.evaluation.effective_trials import EffectiveTrials
from quant_platform.evaluation.sharpe_inference import deflated_sharpe
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel, pivot
from quant_platform.quality.prices import total_returns
from quant_platform.vendors.synthetic.market import synthetic_market

FIRST, LAST = date(2001, 1, 2), date(2012, 12, 31)
A_MONTH = 21
SIGNAL = "fast"
IMPLAUSIBLE = 0.3


def main() -> None:
    """Print how often the best of luck, and the one with skill, is believed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--strategies", type=int, default=1000)
    parser.add_argument("--securities", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=504)
    options = parser.parse_args()
    last = XNYS.sessions(FIRST, LAST)[options.sessions - 1]
    found = np.array(
        [
            repetition(seed, options.strategies, options.securities, last)
            for seed in range(options.repetitions)
        ]
    )
    print(f"{options.repetitions} markets, {options.strategies} strategies without skill")
    for column, trials in ((0, "raw trials"), (2, "effective trials")):
        luck = (found[:, column] < 0.95).mean()
        skill = (found[:, column + 1] > 0.95).mean()
        print(f"  {trials:17} best of luck below 0.95: {luck:6.1%} (reach 95 %),", end="")
        print(f" skill above 0.95: {skill:6.1%} (reach 80 %)", flush=True)


def repetition(seed: int, strategies: int, securities: int, last: date) -> list[float]:
    """Deflated ratios of the best of luck and of skill: by raw, then by effective trials."""
    returns, signal = market(seed, securities, last)
    random = np.random.default_rng(seed)
    luck = np.concatenate(
        [
            scaled(random.normal(size=(strategies, returns.shape[1]))) @ part.T
            for part in np.split(returns, range(A_MONTH, len(returns), A_MONTH))
        ],
        axis=1,
    )
    skill = (scaled(signal) * returns).sum(axis=1)
    trials = np.vstack([luck, skill])
    counted = EffectiveTrials(trials.shape[1])
    counted.add(trials)
    ratios = trials.mean(axis=1) / trials.std(axis=1, ddof=1)
    deviation = float(np.std(ratios[:-1], ddof=1))
    return [
        deflated(trials[place], ratios[place], number, deviation)
        for number in (counted.raw, counted.effective_rank)
        for place in (int(ratios[:-1].argmax()), len(trials) - 1)
    ]


def deflated(returns: FloatArray, ratio: float, trials: float, deviation: float) -> float:
    """Deflated Sharpe ratio of one strategy."""
    gap = returns - returns.mean()
    second = (gap**2).mean()
    shape = (gap**3).mean() / second**1.5, (gap**4).mean() / second**2
    return float(deflated_sharpe(ratio, len(returns), *shape, trials=trials, deviation=deviation))


def market(seed: int, securities: int, last: date) -> tuple[FloatArray, FloatArray]:
    """Returns of each session, and the planted signal of the session before; 0 where unknown.

    Faults are planted, too: a return beyond `IMPLAUSIBLE` is taken for a bad print and left out.
    """
    made = synthetic_market(securities, FIRST, last, seed)
    bars, actions = made.bars(FIRST, last), made.actions(FIRST, last)
    panel = Panel.from_frames(
        bars.assign(security_id=bars["symbol"]),
        actions.assign(security_id=actions["symbol"]),
        made.days,
    )
    signals = made.planted_signals(FIRST, last).assign(security_id=lambda rows: rows["symbol"])
    values = pivot(signals, SIGNAL, panel.sessions, panel.security_ids)
    returns = np.nan_to_num(total_returns(panel))
    returns[np.abs(returns) > IMPLAUSIBLE] = 0.0
    return returns[1:], np.nan_to_num(values[:-1])


def scaled(weights: FloatArray) -> FloatArray:
    """Weights that sum to 0 and whose sizes sum to 1."""
    centred = weights - weights.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.abs(centred).sum(axis=1, keepdims=True))


if __name__ == "__main__":
    main()
