"""`FeatureContext`: what a feature function sees of a panel, and intermediate results to share.

What belongs here: access to bars, and intermediates that more than one family of features uses. An
intermediate of one family lives in that family's module, decorated with `shared` all the same.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

import numpy as np

from quant_platform.features.extras import Extras, unknown
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import Carry, shift
from quant_platform.market.panel import Panel

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class FeatureContext:
    """One panel during one computation; every array has shape (sessions, symbols) and is read only.

    Attributes
    ----------
    panel : the bars; `open`, `high`, `low`, `close`, `volume`, `vwap`, `split`, `dividend`,
        `sentiment` and `articles` are its arrays
    member : whether the security is in the universe
    sector : a number per sector, NaN or `NO_SECTOR` where unknown
    market_return : shape (sessions,), NaN where unknown
    price_carry : 1 / split, the `carry` of prices in `features.kernels`; None without any split
    volume_carry : split, the `carry` of share volumes; None without any split
    """

    def __init__(self, panel: Panel, extras: Extras | None = None) -> None:
        self.panel = panel
        self._extras = extras = extras or Extras()
        shape = panel.close.shape
        self.member = panel.traded if extras.member is None else extras.member
        self.sector = unknown(shape) if extras.sector is None else extras.sector
        self.market_return = (
            unknown(shape[:1]) if extras.market_return is None else extras.market_return
        )
        self.open = panel.open
        self.high = panel.high
        self.low = panel.low
        self.close = panel.close
        self.volume = panel.volume
        self.vwap = panel.vwap
        self.split = panel.split
        self.dividend = panel.dividend
        self.sentiment = panel.sentiment
        self.articles = panel.articles
        self.price_carry: Carry | None = None
        self.volume_carry: Carry | None = None
        if bool((panel.split != 1.0).any()):
            self.price_carry = Carry(1.0 / panel.split)
            self.volume_carry = Carry(panel.split)
        self._results: dict[Hashable, object] = {}

    def series(self, name: str) -> FloatArray:
        """Return a series of the economy, shape (sessions,); NaN where unknown."""
        return self._extras.series.get(name, unknown(self.close.shape[:1]))

    def own(self, name: str) -> FloatArray:
        """Return the user's own data, named as the input is after `own:`; NaN where unknown."""
        return self._extras.own.get(name, unknown(self.close.shape))

    def once(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """Return the result kept under `key`, computing it at the first call."""
        if key not in self._results:
            result = compute()
            if isinstance(result, np.ndarray):
                result.flags.writeable = False
            self._results[key] = result
        return cast(Result, self._results[key])


def shared(
    function: Callable[Concatenate[FeatureContext, Parameters], Result],
) -> Callable[Concatenate[FeatureContext, Parameters], Result]:
    """Compute an intermediate at most once per context and arguments; arrays become read only."""

    @wraps(function)
    def remembered(
        context: FeatureContext, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        key = (function, args, tuple(sorted(kwargs.items())))
        return context.once(key, lambda: function(context, *args, **kwargs))

    return remembered


@shared
def previous_close(context: FeatureContext) -> FloatArray:
    """Close of session t-1 in the units of session t: close[t-1] / split[t]."""
    previous = shift(context.close, 1)
    if context.price_carry is not None:
        previous /= context.split
    return previous


@shared
def gross_return(context: FeatureContext) -> FloatArray:
    """One plus the one-session total return: (close + dividend) / previous close."""
    gross = context.close + context.dividend
    gross /= previous_close(context)
    return gross


@shared
def log_return(context: FeatureContext) -> FloatArray:
    """Natural logarithm of `gross_return`."""
    logarithm: FloatArray = np.log(gross_return(context))
    return logarithm
