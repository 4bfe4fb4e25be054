"""vectorbt's side of `sweep.py`, run by a Python that has it: crossing averages, all pairs at once.

Run: PYTHON benchmarks/_vectorbt_crossings.py GIVEN.npz ANSWER.npz
"""

import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt


def main() -> None:
    """Read prices, windows and a fee; write total returns and the seconds of the calls."""
    given = np.load(sys.argv[1])
    close = pd.Series(given["prices"])

    def run() -> np.ndarray:
        fast = vbt.MA.run(close, given["fast"], short_name="fast")
        slow = vbt.MA.run(close, given["slow"], short_name="slow")
        above = fast.ma.to_numpy() > slow.ma.to_numpy()
        portfolio = vbt.Portfolio.from_signals(
            close, above, ~above, fees=float(given["fee"]), init_cash=1.0, freq="1D"
        )
        return np.asarray(portfolio.total_return())

    seconds = []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        result = run()
        seconds.append((time.perf_counter() - wall, time.process_time() - processor))
    np.savez(sys.argv[2], result=result, first=seconds[0], later=min(seconds[1:]))


if __name__ == "__main__":
    main()
