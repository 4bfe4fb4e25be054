"""False alarms and power of the monitor of a model in use, over ten years of daily looks.

1. Returns have Student's t innovations with 3 degrees of freedom and GARCH(1, 1) volatility.
2. **Null.** The mean is the very one that is promised, which is the hardest case: alarms are
   counted at any of 2,520 looks. Then the whole procedure: five years of backtest, the promise of
   its lower end, and ten years in which the model stays as it was.
3. **Power.** The model's Sharpe ratio falls, from the first session after the promotion, to a lower
   one: share found within ten years, and the median number of sessions until then.

    python benchmarks/monitor.py [PATHS]

Exits with 1 if false alarms exceed 5 %.
"""

import sys
import time

import numpy as np

from quant_platform.evaluation.effective_trials import Trials
from quant_platform.evaluation.monitor import (
    LEVEL,
    SCALE_SESSIONS,
    promise_of,
    scaled_returns,
    watch,
)
from quant_platform_tests.support.garch import DEVIATION, student_garch

BACKTEST, LIVE = 1_260, 2_520
PROMISED = (1.0, 0.5, 0.0)
TRUE = (0.5, 0.0, -1.0, -2.0)


def returns_of(noise: np.ndarray, sharpe: float) -> np.ndarray:
    """Noise with the mean of an annual Sharpe ratio."""
    return np.asarray(noise + sharpe / np.sqrt(252.0) * DEVIATION)


def scaled(noise: np.ndarray, sharpe: float) -> np.ndarray:
    """Scaled returns from the first one on that has a full scale."""
    paths = returns_of(noise, sharpe)
    return np.array([scaled_returns(path)[SCALE_SESSIONS:] for path in paths])


def found(paths: np.ndarray, promised: float) -> np.ndarray:
    """Session in which each path's promise breaks; infinite: it does not."""
    tests = [watch(path, promised) for path in paths]
    return np.array([t.crossed.argmax() + 1 if t.crossed[-1] else np.inf for t in tests])


def told(crossings: np.ndarray) -> str:
    """Share found, and the median of all."""
    middle = np.median(crossings)
    return f"{np.isfinite(crossings).mean():7.2%}  {'—' if np.isinf(middle) else f'{middle:,.0f}'}"


def main(count: int) -> int:
    """Run the simulations; return 1 if there are too many false alarms."""
    start = time.process_time()
    noise = student_garch(count, SCALE_SESSIONS + LIVE, seed=20_230)
    means = {sharpe: scaled(noise, sharpe) for sharpe in {*PROMISED, *TRUE}}
    worst = 0.0
    print(f"{count} paths of {LIVE:,} looks, Student t 3, GARCH; share found and median sessions")
    for promised in PROMISED:
        level = float(means[promised].mean())
        alarms = found(means[promised], level)
        worst = max(worst, float(np.isfinite(alarms).mean()))
        print(
            f"promised Sharpe {promised:4.1f}, true {promised:4.1f}: {told(alarms)}  false alarms"
        )
        for true in (sharpe for sharpe in TRUE if sharpe < promised):
            text = told(found(means[true], level))
            print(f"promised Sharpe {promised:4.1f}, true {true:4.1f}: {text}")
    whole = student_garch(count, BACKTEST + LIVE, seed=20_231)
    alone = Trials(1, 1.0, 0.0)
    for before, after in ((1.5, 1.5), (1.5, 0.0), (1.5, -1.0), (2.0, 2.0), (2.0, 0.0), (2.0, -1.0)):
        crossings = []
        for path in whole:
            past = returns_of(path[:BACKTEST], before)
            promised = promise_of(scaled_returns(past), alone).promised
            both = np.concatenate((past, returns_of(path[BACKTEST:], after)))
            crossings.append(found(scaled_returns(both)[None, BACKTEST:], promised)[0])
        text = told(np.array(crossings))
        if before == after:
            worst = max(worst, float(np.isfinite(crossings).mean()))
        print(f"backtest of five years with {before:.1f}, then {after:4.1f}: {text}")
    spent = time.process_time() - start
    print(f"most false alarms {worst:.2%}, allowed {LEVEL:.0%}; {spent:.0f} CPU s")
    return int(worst > LEVEL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
