"""Which books there are: portfolios of several of the models that run.

The setting QUANT_PLATFORM_BOOKS lists them, with semicolons or new lines between them:

    core = equal(buy_and_hold, mean_reversion)
    risk = inverse_volatility(enhanced_momentum, mean_reversion, lookback=126, every=quarterly)
    mix = fixed(buy_and_hold=0.6, mean_reversion=0.4)

Members are models that run; a book is no member of another one. What does not belong here: what a
book is (`book.py`), and the models (`models.py`).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from quant_platform.errors import QuantPlatformError, SettingsError, UnknownNameError
from quant_platform.settings import PREFIX, Settings
from quant_platform.strategies.benchmarks import benchmark_of
from quant_platform.strategies.book import Book
from quant_platform.strategies.models import DEFAULT, models_of
from quant_platform.strategies.strategy_registry import strategy_classes
from quant_platform.trading.capital import FIXED, RULES
from quant_platform.trading.capital import LOOKBACK as CAPITAL_LOOKBACK
from quant_platform.trading.rebalancing import MONTHLY

Given = TypeVar("Given")

VARIABLE = PREFIX + "BOOKS"

LOOKBACK, EVERY = "lookback", "every"

HOW = "Write name = equal(model, model), inverse_volatility(…) or fixed(model=0.6, model=0.4)"

_ENTRY = re.compile(r"([a-z][a-z0-9_]*)\s*=\s*(\w+)\s*\(([^()]*)\)")
_PART = re.compile(r"(\w+)(?:\s*=\s*(\S+))?")


def books_of(settings: Settings) -> tuple[Book, ...]:
    """Return the books, sorted by name.

    Raises
    ------
    SettingsError
        QUANT_PLATFORM_BOOKS cannot be read, or a book has the name of a model or of another book.
    UnknownNameError
        A member is no model that runs.
    """
    if not settings.books.strip():
        return ()
    names = [each.name for each in models_of(settings)]
    books = read_books(settings.books)
    for book in books:
        if book.name in names or book.name in strategy_classes() or book.name == DEFAULT:
            raise SettingsError(
                f"{VARIABLE}: a book cannot be called {book.name}, which is the name of a model",
                "Give it another name",
            )
        inner = [each for each in book.members if each in {other.name for other in books}]
        if inner:
            raise SettingsError(
                f"{VARIABLE}: {inner[0]} of the book {book.name} is a book itself",
                "A book is of models: name the members of that one instead",
            )
        unknown = [each for each in book.members if each not in names]
        if unknown:
            raise UnknownNameError(
                f"{VARIABLE}: {unknown[0]} of the book {book.name} is no model that runs",
                f"There are: {', '.join(names)}. Add it to QUANT_PLATFORM_MODELS",
            )
        benchmark_of(book, settings.benchmark, names)
    return books


@lru_cache(maxsize=64)
def read_books(text: str) -> tuple[Book, ...]:
    """Return the books that a text of the setting lists, sorted by name; errors as `books_of`."""
    books: dict[str, Book] = {}
    for entry in (each.strip() for each in re.split(r"[;\n]", text)):
        if not entry:
            continue
        try:
            book = _book(entry)
        except QuantPlatformError as error:
            raise SettingsError(f"{VARIABLE}: {error.message}", error.hint) from None
        if book.name in books:
            raise SettingsError(
                f"{VARIABLE} has two books called {book.name}", "Give one of them another name"
            )
        books[book.name] = book
    return tuple(books[name] for name in sorted(books))


def _book(entry: str) -> Book:
    """Read one entry of the setting."""
    written = _ENTRY.fullmatch(entry)
    if written is None:
        raise SettingsError(f"{entry!r} is no book", HOW)
    name, rule, inside = written.groups()
    if rule not in RULES:
        raise SettingsError(
            f"There is no rule of capital {rule!r} in {entry!r}", f"Write one of {', '.join(RULES)}"
        )
    parts = [_part(each, entry) for each in inside.split(",") if each.strip()]
    options = {key: value for key, value in parts if key in (LOOKBACK, EVERY) and value}
    rest = [(key, value) for key, value in parts if key not in options]
    members = [key for key, _ in rest]
    wrong = [key for key, value in rest if (value is None) == (rule == FIXED)]
    if wrong:
        means = "a share, such as 0.6" if rule == FIXED else "no share"
        raise SettingsError(f"{wrong[0]} of {entry!r} must have {means}", HOW)
    shares = [_number(value or "", key, entry) for key, value in rest] if rule == FIXED else None
    lookback = _sessions(options.get(LOOKBACK, str(CAPITAL_LOOKBACK)), entry)
    every = options.get(EVERY, MONTHLY)
    return Book(name, members, rule, shares=shares, lookback=lookback, every=every)


def _part(text: str, entry: str) -> tuple[str, str | None]:
    written = _PART.fullmatch(text.strip())
    if written is None:
        raise SettingsError(f"{text.strip()!r} of {entry!r} is no member", HOW)
    return written.group(1), written.group(2)


def _sessions(text: str, entry: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"{LOOKBACK} of {entry!r} is {text!r}", "Write a number of sessions")
    return int(text)


def _number(text: str, member: str, entry: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"The share of {member} in {entry!r} is {text!r}", "Write a number, such as 0.6"
        ) from None


def book_or(settings: Settings, given: Given) -> Given | Book:
    """Return the book of a name, or what was given where it is none."""
    if not isinstance(given, str):
        return given
    return {book.name: book for book in books_of(settings)}.get(given, given)


def with_portfolios(settings: Settings) -> Sequence[str]:
    """Return the names of what has a portfolio: the models that run, then the books."""
    models = [each.name for each in models_of(settings)]
    return [*models, *(book.name for book in books_of(settings))]
