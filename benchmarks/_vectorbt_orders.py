"""Run vectorbt on target weights: called by `engines.py` with the Python that has it.

Run: PYTHON benchmarks/_vectorbt_orders.py INPUT.npz OUTPUT.npz
"""

import sys
import time
from typing import Any

import numpy as np


def main() -> None:
    """Simulate twice, and write equity, shares and the seconds of the first and the second call."""
    begun = time.perf_counter()
    import pandas as pd
    import vectorbt as vbt

    imported = time.perf_counter() - begun
    given = np.load(sys.argv[1])
    close, weights = pd.DataFrame(given["close"]), pd.DataFrame(given["weights"])

    def run() -> tuple[Any, Any, Any, Any]:
        portfolio = vbt.Portfolio.from_orders(
            close,
            size=weights,
            size_type="targetpercent",
            fees=float(given["commission"]),
            slippage=float(given["half_spread"]),
            init_cash=float(given["capital"]),
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            freq="D",
        )
        figures = (portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown())
        return portfolio.value(), portfolio.assets(), portfolio.orders.records, figures

    seconds, processor = [], []
    for _ in range(3):
        wall, own = time.perf_counter(), time.process_time()
        equity, held, fills, _figures = run()
        seconds.append(time.perf_counter() - wall)
        processor.append(time.process_time() - own)
    np.savez(
        sys.argv[2],
        equity=equity.to_numpy(),
        held=held.to_numpy()[-1],
        fills=len(fills),
        first=imported + seconds[0],
        seconds=(min(seconds[1:]), min(processor[1:])),
    )


if __name__ == "__main__":
    main()
