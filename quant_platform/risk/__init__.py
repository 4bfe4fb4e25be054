"""Risk from characteristics: exposures, factor returns, covariances and what they forecast.

Pure functions of arrays. `characteristics.py` says what a security is like, `regression.py` what
each factor earned, `covariance.py` how factors and single securities vary, `forecast.py` what that
means for a portfolio. What does not belong here: rows of a database (`pipeline/risk.py`), and how
well forecasts turned out (`evaluation/risk_backtests.py`).
"""

from typing import Final

MARKET: Final = "market"

STYLES: Final = ("size", "momentum", "residual_volatility", "liquidity", "reversal")
"""Factors whose exposures are standardised."""

SECTOR_PREFIX: Final = "sector:"
"""What the name of a sector's factor begins with."""
