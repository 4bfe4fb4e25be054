"""The books of the setting QUANT_PLATFORM_BOOKS, and what a book refuses."""

import pytest

from quant_platform.errors import QuantPlatformError, SettingsError
from quant_platform.pipeline.provision import book_record
from quant_platform.pipeline.recipes import performance_recipe, portfolio_recipe
from quant_platform.settings import Settings
from quant_platform.strategies.book import Book
from quant_platform.strategies.books import books_of, with_portfolios
from quant_platform.strategies.models import models_of
from quant_platform.trading.capital import CapitalRule

THREE = (
    "risk = inverse_volatility(enhanced_momentum, mean_reversion, lookback=126, every=quarterly)\n"
    "core=equal( buy_and_hold, mean_reversion ); mix = fixed(buy_and_hold=0.6, mean_reversion=0.3);"
)


def test_books_and_their_rules() -> None:
    settings = Settings(books=THREE)
    core, mix, risk = books_of(settings)
    assert core == Book("core", ["buy_and_hold", "mean_reversion"])
    assert core.capital == CapitalRule("equal", lookback=63, every="monthly")
    assert mix.capital.shares == (0.6, 0.3)
    assert (risk.members, risk.capital.lookback, risk.capital.every) == (
        ("enhanced_momentum", "mean_reversion"),
        126,
        "quarterly",
    )
    assert with_portfolios(settings)[-3:] == ["core", "mix", "risk"]
    assert books_of(Settings()) == ()


def test_what_the_table_of_models_says_of_a_book() -> None:
    settings = Settings(books=THREE)
    _, mix, _ = books_of(settings)
    record = book_record(mix, models_of(settings), "equal_weight")
    assert (record.name, record.strategy, record.max_gross) == ("mix", "book", 1.0)
    assert record.parameters == {
        "members": ["buy_and_hold", "mean_reversion"],
        "rule": "fixed",
        "shares": [0.6, 0.3],
        "every": "monthly",
    }


def test_recipes_without_the_setting_are_as_they_were() -> None:
    for recipe in (portfolio_recipe, performance_recipe):
        assert "core" in recipe(Settings(books=THREE))
        assert "book" not in recipe(Settings())
    other = Settings(books=THREE.replace("126", "60"))
    assert portfolio_recipe(other) != portfolio_recipe(Settings(books=THREE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("core", "QUANT_PLATFORM_BOOKS: 'core' is no book. Write name = equal"),
        ("Core = equal(mean_reversion)", "is no book"),
        ("core = half(mean_reversion)", "no rule of capital 'half' in .*Write one of equal, inv"),
        ("core = equal()", "The book core has no member"),
        ("core = equal(mean_reversion, mean_reversion)", "core has a member twice"),
        ("core = equal(mean_reversion=0.5)", "mean_reversion of .* must have no share"),
        ("core = fixed(mean_reversion)", "mean_reversion of .* must have a share, such as 0.6"),
        ("core = fixed(mean_reversion=half)", "The share of mean_reversion in .* is 'half'"),
        ("core = fixed(mean_reversion=0)", "The book core: A share of capital is 0"),
        ("core = fixed(mean_reversion=nan)", "The book core: A share of capital is nan"),
        (
            "core = fixed(mean_reversion=0.6, buy_and_hold=0.5)",
            "The book core: The shares of capital are 1.1 in all. Allowed: up to 1",
        ),
        ("core = inverse_volatility(mean_reversion, lookback=1)", "look-back of a volatility is 1"),
        ("core = inverse_volatility(mean_reversion, lookback=x)", "lookback of .* is 'x'"),
        ("core = equal(mean_reversion, every=day)", "Capital cannot be set 'day'. Write one of w"),
        ("core = equal(mean reversion)", "'mean reversion' of .* is no member"),
        ("core = equal(mean_reversion); core = equal(buy_and_hold)", "two books called core"),
        ("core = equal(slow)", "slow of the book core is no model that runs. There are: buy_and"),
        ("core = equal(core)", "core of the book core is a book itself. A book is of models"),
        (
            "core = equal(buy_and_hold); outer = equal(core, mean_reversion)",
            "core of the book outer is a book itself",
        ),
        ("low_volatility = equal(mean_reversion)", "cannot be called low_volatility, which is"),
        ("core = equal(cash)", "A member of the book core is called cash"),
    ],
)
def test_what_is_no_book_is_refused_in_a_line(text: str, said: str) -> None:
    with pytest.raises(QuantPlatformError, match=said) as refused:
        books_of(Settings(books=text))
    assert "\n" not in str(refused.value)


def test_a_book_of_a_notebook_says_what_is_missing() -> None:
    with pytest.raises(SettingsError, match="needs shares with the rule fixed"):
        Book("core", ["a", "b"], "fixed")
    with pytest.raises(SettingsError, match="needs shares with the rule fixed, and with no other"):
        Book("core", ["a", "b"], shares=[0.5, 0.5])
    with pytest.raises(SettingsError, match="2 members and 1 shares"):
        Book("core", ["a", "b"], "fixed", shares=[0.5])
    with pytest.raises(SettingsError, match="2 members and 2 shares"):
        Book("core", ["a", "b"], "fixed", shares={"a": 0.5, "c": 0.5})
    with pytest.raises(SettingsError, match="cannot be called 'My book'"):
        Book("My book", ["a"])
    with pytest.raises(SettingsError, match="The member inner of the book core is a book itself"):
        Book("core", {"a": "a", "inner": Book("inner", ["a"])})
    with pytest.raises(SettingsError, match=r"members of the book core are 'ab'\. Pass a list"):
        Book("core", "ab")
    assert Book("core", ["a", "b"], "fixed", shares={"b": 0.5, "a": 0.1}).capital.shares == (
        0.1,
        0.5,
    )
