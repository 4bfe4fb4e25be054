"""`Limits`: how much an account may hold, trade and lose, and what becomes of more.

Each limit has a value and one of three actions. `warn` notes it in the account's row. `scale` cuts
the weights or orders to it; of a drawdown or a daily loss, all weights count half while it lasts.
`halt` closes all positions at the next open, and the account trades no more until it is released.

What does not belong here: how they are applied (`engine/wishes.py`, `engine/close.py`), and a
model's own `max_gross` (`strategies/limits.py`).
"""

import math
from dataclasses import dataclass, fields

from quant_platform.errors import SettingsError

ACTIONS = ("warn", "scale", "halt")
"""What becomes of a limit that is exceeded, as the engine numbers them from 1."""


@dataclass(frozen=True)
class Limit:
    """A limit: the largest value, and one of `ACTIONS`."""

    value: float
    action: str = "scale"

    def __post_init__(self) -> None:
        if not 0.0 < self.value < math.inf or self.action not in ACTIONS:
            raise SettingsError(
                f"A limit is {self.value!r}:{self.action}",
                f"Allowed: a number above 0, and one of {', '.join(ACTIONS)}.",
            )


@dataclass(frozen=True)
class Limits:
    """The limits of an account; None: there is none.

    Attributes
    ----------
    name, sector : largest absolute weight of a security, and of a sector's securities together
    gross, net, beta : sum of the absolute weights, size of the sum, and of the sum times betas
    turnover : value of a session's orders, as a share of the equity
    leverage : gross exposure of the whole book at the trade, with positions that are not traded
    drawdown, daily_loss : fall of the equity from its highest, and from the session before
    """

    name: Limit | None = None
    sector: Limit | None = None
    gross: Limit | None = None
    net: Limit | None = None
    beta: Limit | None = None
    turnover: Limit | None = None
    leverage: Limit | None = None
    drawdown: Limit | None = None
    daily_loss: Limit | None = None

    @classmethod
    def read(cls, text: str) -> "Limits":
        """Read limits as a setting states them: `drawdown=0.2:halt name=0.1:scale`.

        Raises
        ------
        SettingsError : there is no such limit, or no such value
        """
        known = [each.name for each in fields(cls)]
        values: dict[str, Limit] = {}
        for part in text.split():
            name, _, rest = part.partition("=")
            figure, _, action = rest.partition(":")
            if name not in known:
                raise SettingsError(f"There is no limit {name!r}", f"Known: {', '.join(known)}.")
            try:
                values[name] = Limit(float(figure), action or "scale")
            except ValueError:
                raise SettingsError(
                    f"The limit {name} is {rest!r}", "Write name=number:action"
                ) from None
        return cls(**values)

    def __str__(self) -> str:
        """The limits as one line, as `read` reads them."""
        stated = ((each.name, getattr(self, each.name)) for each in fields(self))
        return " ".join(f"{name}={at.value:g}:{at.action}" for name, at in stated if at)

    def numbers(self) -> tuple[list[float], list[float]]:
        """Return the values (infinite: none) and the actions' numbers (0: none), in order."""
        limits = [getattr(self, each.name) for each in fields(self)]
        return (
            [at.value if at else math.inf for at in limits],
            [float(ACTIONS.index(at.action) + 1) if at else 0.0 for at in limits],
        )


NO_LIMITS = Limits()
"""None at all."""
