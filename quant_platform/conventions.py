"""Assumptions that figures rest on, one constant each; `docs/conventions.md` names them.

What does not belong here: what a user can set (`settings/`), and limits of one module's own.
"""

SESSIONS_PER_YEAR = 252
"""Sessions that make a year wherever a figure is annualised, and of a 52-week high or low."""

PERIOD_SESSIONS = {"week": 5, "month": 21, "quarter": 63}
"""Sessions that a period has as a rule; the signals of who chooses so often are judged by it."""

USUAL_SESSIONS = 20
"""Sessions over which volume, volatility and the like are called usual: about a month."""

FILL_LIMIT = 5
"""Sessions for which a missing bar is filled with the last close."""

ONE_SIDED_95 = 1.645
"""Standard deviations of a normal distribution below which 5 % of the outcomes lie."""

TWO_SIDED_95 = 1.959963984540054
"""Standard deviations around the mean of a normal distribution that hold 95 % of the outcomes."""

WEIGHT_NOISE = 1e-9
"""Sum of weights above a limit that is nothing but rounding."""

DEFAULT_BENCHMARK = "equal_weight"
"""Model that models are judged against where neither they nor the settings name another."""
