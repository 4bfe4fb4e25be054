"""The vendor `synthetic`: a generated market of known truth, to measure checks and statistics.

1. `schedule.py` plans who is listed when, and what happens to whom; `prices.py` lets prices follow;
   `bars.py` and `market.py` publish both, with the faults of a vendor.
2. `signals.py` states what of the returns is foretold, and how well; `truths.py` writes down
   everything that was planted.
3. All is made of counters by exact arithmetic (`draws.py`): the same seed gives the same bytes on
   every platform, and a market that goes on longer changes no session before.

What does not belong here: how well something planted is found (`benchmarks/planted_truth.py`).

Importing this costs nothing: numpy and pandas are loaded when something is asked of the market.
"""

from quant_platform.vendors.synthetic.vendor import SyntheticVendor

__all__ = ["SyntheticVendor"]
