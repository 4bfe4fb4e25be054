"""Dividends that the price followed, did not follow, or that came twice.

Of FMC the dividend, the close before and the open, of ROST the ratio, the dividend and the dates
are those of a public history of the S&P 500 that holds both by mistake; other prices are made up,
so that the sums beside them can be done in the head.
"""

import pandas as pd
import pytest

from quant_platform.market.calendar import Calendar, parse_date
from quant_platform.market.doubtful_dividends import doubtful

NAN = float("nan")


def sessions(first: str, last: str) -> list[str]:
    days = Calendar().sessions(parse_date(first), parse_date(last))
    return [day.isoformat() for day in days]


def reasons(
    amounts: list[tuple[str, float]],
    night: tuple[float, float, float] | None = None,
    *,
    split: float = 1.0,
    market: float = 0.0,
) -> list[str]:
    """Reasons of one symbol's dividends; `night` are close before, open, close of the last one."""
    rows = pd.DataFrame(amounts, columns=["day", "cash_amount"])
    dividends = pd.DataFrame(
        {
            "date": pd.to_datetime(rows["day"]),
            "symbol": "A",
            "action_type": "cash_dividend",
            "cash_amount": rows["cash_amount"],
        }
    )
    before, opened, closed = night or (NAN, NAN, NAN)
    nights = pd.DataFrame(
        {
            "date": dividends["date"].iloc[-1:],
            "symbol": "A",
            "close_before": before,
            "open_price": opened,
            "close_price": closed,
            "split_ratio": split,
            "market": market,
        }
    )
    span = sessions("2015-01-02", "2019-12-31")
    return doubtful(dividends, nights if night else nights[:0], span).tolist()


@pytest.mark.parametrize(
    ("name", "amount", "night", "split", "market"),
    [
        # 14.1 % of the price, and the price rose by 0.45.
        ("FMC 2019-02-22", 12.46, (88.20, 88.65, 89.00), 1.0, 0.0),
        # 2.00 on 97.60 / 2 = 48.80 are 4.1 %; the split explains the whole fall.
        ("ROST 2015-06-12", 2.00, (97.60, 48.75, 48.60), 2.0, 0.0),
        # One event listed as a split by two and as a dividend of half the price.
        ("both", 50.0, (100.0, 50.2, 49.8), 2.0, 0.0),
        # 4 % of the price, a fall of 1 %: three percent of the price are missing.
        ("a quarter of it", 4.0, (100.0, 99.0, 99.2), 1.0, 0.0),
    ],
)
def test_the_price_did_not_follow(
    name: str, amount: float, night: tuple[float, float, float], split: float, market: float
) -> None:
    (reason,) = reasons([("2019-02-22", amount)], night, split=split, market=market)
    assert "the price fell by" in reason, name
    assert ("beside a split by 2" in reason) == (split == 2.0)


@pytest.mark.parametrize(
    ("name", "amount", "night", "split", "market"),
    [
        ("an ordinary one is too small to be seen", 0.40, (88.20, 88.65, 89.00), 1.0, 0.0),
        # Microsoft, 2004-11-15 (shipped sample): a special dividend that the price followed.
        ("MSFT 3.08", 3.08, (29.97, 27.35, 27.39), 1.0, 0.0),
        # 2008-10-15, the S&P 500 fell by 9 %: whatever was paid, the price fell by more.
        ("a panic", 3.50, (100.0, 97.0, 90.5), 1.0, -0.09),
        # 2008-10-13, the S&P 500 rose by 11.6 %: 4.00 less on 100 · 1.116 is 107.6.
        ("a rally hides the fall", 4.00, (100.0, 106.9, 107.6), 1.0, 0.116),
        # Half of the dividend is enough.
        ("half of it", 6.0, (100.0, 97.0, 98.0), 1.0, 0.0),
        # 3 % not followed by 2.4 % of the price: too near to say.
        ("nearly nothing is missing", 3.0, (100.0, 99.4, 99.6), 1.0, 0.0),
        # The price falls in the session, not in the night.
        ("late", 5.0, (100.0, 100.5, 96.0), 1.0, 0.0),
        # A split by two and 3.00 a new share: 200 → 100 − 3.
        ("split and dividend, both real", 3.0, (200.0, 97.0, 97.4), 2.0, 0.0),
        ("no bar before", 12.46, (NAN, 88.65, 89.00), 1.0, 0.0),
    ],
)
def test_nothing_contradicts_it(
    name: str, amount: float, night: tuple[float, float, float], split: float, market: float
) -> None:
    assert reasons([("2019-02-22", amount)], night, split=split, market=market) == [""], name


def test_of_two_of_a_day_the_larger_is_doubted() -> None:
    # 0.40 and 12.46 on 88.20: the price fell by 0.45.
    day = "2019-02-22"
    small, large = reasons([(day, 0.40), (day, 12.46)], (88.20, 87.75, 88.00))
    assert small == ""
    assert "the price fell by 0.45" in large


class TestTheSameAmount:
    def test_twice_within_five_sessions(self) -> None:
        # Friday 2 and Friday 9 August 2019 are five sessions apart, Monday 12 six.
        assert [bool(each) for each in reasons([("2019-08-02", 0.25), ("2019-08-09", 0.25)])] == [
            False,
            True,
        ]
        assert reasons([("2019-08-02", 0.25), ("2019-08-12", 0.25)]) == ["", ""]

    def test_another_amount(self) -> None:
        assert reasons([("2019-08-02", 0.25), ("2019-08-06", 0.30)]) == ["", ""]

    def test_every_week(self) -> None:
        weekly = ["2019-08-01", "2019-08-08", "2019-08-15", "2019-08-22", "2019-08-29"]
        assert [bool(each) for each in reasons([(day, 0.05) for day in weekly])] == [
            False,
            # Its second: that it pays every week is not known yet.
            True,
            False,
            False,
            False,
        ]

    def test_the_price_followed_both(self) -> None:
        assert reasons([("2019-08-02", 5.0), ("2019-08-06", 5.0)], (95.0, 90.2, 90.5)) == ["", ""]


def test_the_order_of_rows_and_other_symbols_change_nothing() -> None:
    day = pd.Timestamp("2019-02-22")
    dividends = pd.DataFrame(
        {
            "date": [day, day, pd.Timestamp("2019-02-20")],
            "symbol": ["B", "A", "B"],
            "action_type": "cash_dividend",
            "cash_amount": [1.0, 12.46, 1.0],
        },
        index=[7, 3, 5],
    )
    nights = pd.DataFrame(
        {
            "date": [day, day],
            "symbol": ["A", "B"],
            "close_before": [88.20, 200.0],
            "open_price": [88.65, 200.0],
            "close_price": [89.0, 200.0],
            "split_ratio": 1.0,
            "market": 0.0,
        }
    )
    found = doubtful(dividends, nights, sessions("2019-02-01", "2019-02-28"))
    assert list(found.index) == [7, 3, 5]
    assert [text[:15] for text in found] == ["the same amount", "the price fell ", ""]
