"""`Book`: several models in one portfolio, with a rule that divides the capital among them.

What does not belong here: the setting that lists books (`books.py`), the rules of capital
(`trading/capital.py`), and how a book is traded (`trading/book.py`).
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from quant_platform.errors import SettingsError
from quant_platform.strategies.base import Strategy
from quant_platform.trading.attribution import CASH_LINE
from quant_platform.trading.capital import EQUAL, FIXED, LOOKBACK, CapitalRule
from quant_platform.trading.rebalancing import MONTHLY

BOOK_VERSION = "1.0.0"
"""Changes whenever the same members may give another book."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, init=False)
class Book:
    """A portfolio of several models.

    Attributes
    ----------
    name : of the book, as of a model
    members : names of the models, in their order
    models : of a backtest, what each member is by its name: a strategy, its name or a function of a
        panel; of the setting, the names themselves
    capital : the rule of capital

    Examples
    --------
    >>> book = Book("mix", ["buy_and_hold", "mean_reversion"], "fixed", shares=[0.6, 0.4])
    >>> book.members, str(book.capital)
    (('buy_and_hold', 'mean_reversion'), 'fixed, monthly')
    """

    name: str
    members: tuple[str, ...]
    capital: CapitalRule
    models: Mapping[str, object] = field(compare=False)

    benchmark = None
    """It is judged against the default of the settings."""

    def __init__(
        self,
        name: str,
        members: Mapping[str, object] | Sequence[str],
        rule: str = EQUAL,
        *,
        shares: Sequence[float] | Mapping[str, float] | None = None,
        lookback: int = LOOKBACK,
        every: str = MONTHLY,
    ) -> None:
        """Take the members and the rule.

        Parameters
        ----------
        rule : equal, inverse_volatility or fixed
        shares : of `fixed`, the share of the capital of each member, above 0 and up to 1 in all
        lookback : of `inverse_volatility`, sessions whose returns are looked at
        every : when shares are set: weekly, monthly or quarterly

        Raises
        ------
        SettingsError
            A name, a member or a number of the rule is none.
        """
        if isinstance(members, str):
            raise SettingsError(
                f"The members of the book {name} are {members!r}", "Pass a list or a mapping"
            )
        models = members if isinstance(members, Mapping) else {each: each for each in members}
        inner = [key for key, each in models.items() if isinstance(each, Book)]
        if inner:
            raise SettingsError(
                f"The member {inner[0]} of the book {name} is a book itself",
                "A book is of models: name the members of that one instead",
            )
        names = tuple(models)
        _check_names(name, names, len(members))
        if (rule == FIXED) != (shares is not None):
            raise SettingsError(
                f"The book {name} needs shares with the rule {FIXED}, and with no other",
                f"Write {FIXED} with a share for each member, such as 0.6",
            )
        fixed = () if shares is None else _shares(name, names, shares)
        try:
            capital = CapitalRule(rule, fixed, lookback, every)
        except SettingsError as error:
            raise SettingsError(f"The book {name}: {error.message}", error.hint) from None
        for attribute, value in (
            ("name", name),
            ("members", names),
            ("capital", capital),
            ("models", dict(models)),
        ):
            object.__setattr__(self, attribute, value)

    @property
    def description(self) -> str:
        """What it is, in a line."""
        return f"Book of {', '.join(self.members)}; capital: {self.capital}."

    @property
    def parameters(self) -> dict[str, object]:
        """What it is made of, for the table `models`."""
        capital = self.capital
        stated: dict[str, object] = {
            "members": list(self.members),
            "rule": capital.rule,
            "every": capital.every,
        }
        if capital.rule == FIXED:
            return {**stated, "shares": list(capital.shares)}
        return {**stated, "lookback": capital.lookback} if capital.rule != EQUAL else stated

    def max_gross(self, models: Iterable[Strategy]) -> float:
        """Largest sum of its absolute weights: the largest that a member may have."""
        return max(each.max_gross for each in models if each.name in self.members)

    def max_net(self, models: Iterable[Strategy]) -> float:
        """Largest size of the sum of its weights: the largest that a member may have."""
        return max(each.max_net for each in models if each.name in self.members)


def _shares(
    book: str, members: Sequence[str], shares: Sequence[float] | Mapping[str, float]
) -> tuple[float, ...]:
    """Return the fixed shares in the order of the members."""
    if len(shares) != len(members) or (isinstance(shares, Mapping) and set(shares) != set(members)):
        raise SettingsError(
            f"The book {book} has {len(members)} members and {len(shares)} shares",
            "State one share for each member",
        )
    if isinstance(shares, Mapping):
        return tuple(float(shares[each]) for each in members)
    return tuple(float(each) for each in shares)


def _check_names(name: object, members: Collection[object], count: int) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"A book cannot be called {name!r}", "Allowed: lower-case letters, digits and _"
        )
    if not members:
        raise SettingsError(f"The book {name} has no member", "Name the models it is of")
    wrong = [each for each in members if not isinstance(each, str) or not each]
    if wrong:
        raise SettingsError(f"The book {name} has a member {wrong[0]!r}", "Name it by a text")
    if CASH_LINE in members:
        raise SettingsError(
            f"A member of the book {name} is called {CASH_LINE}, which means something else",
            "Give the model another name",
        )
    if len(members) != count:
        raise SettingsError(f"The book {name} has a member twice", "Take one away")
