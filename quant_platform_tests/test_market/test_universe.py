from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.errors import SettingsError
from quant_platform.market.identity import fixed_identities
from quant_platform.market.universe import (
    Directory,
    UniverseRule,
    universe_members,
)

EVERYBODY = UniverseRule()
DAYS = [str(day) for day in np.busday_offset("2004-08-02", np.arange(25), roll="forward")]


def securities(**listed: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "symbol": pd.array(list(listed), dtype="str"),
            "company_name": [f"{symbol} Inc." for symbol in listed],
            "sector": "Things",
            "listing_date": pd.to_datetime(list(listed.values())),
        }
    )


def members(
    listed: pd.DataFrame,
    rows: pd.DataFrame,
    sessions: list[str],
    last: int,
    rule: UniverseRule = EVERYBODY,
) -> pd.DataFrame:
    """Members of a market in which a symbol is a security."""
    days = [pd.Timestamp(day).date() for day in sessions]
    directory = Directory(*fixed_identities(listed, days))
    return universe_members(
        rule, directory, rows.assign(security_id=rows["symbol"]), sessions, last
    )


def bars(**volumes: list[float]) -> pd.DataFrame:
    """One bar per volume, from the first session on, at a price of 2; NaN is no bar."""
    frames = [
        pd.DataFrame(
            {
                "date": pd.to_datetime(DAYS[: len(volume)]),
                "symbol": symbol,
                "close_price": 2.0,
                "volume": volume,
            }
        )
        for symbol, volume in volumes.items()
    ]
    return pd.concat(frames).dropna(subset="volume").astype({"symbol": "str"})


def test_ranks_by_hand() -> None:
    rows = members(
        securities(A="2000-01-03", B="2000-01-03", C="2004-08-04"),
        bars(A=[10.0, 30.0, 20.0], B=[40.0, 0.0, 5.0], C=[np.nan, np.nan, 50.0]),
        DAYS[:3],
        3,
    )
    got = [(row.symbol, row.dollar_volume, row.dollar_volume_rank) for row in rows.itertuples()]
    # Medians of volume × 2: A 20, 40, 40; B 80, 40, 10; C 100. Session 2 is a tie: A comes first.
    assert got == [
        ("A", 20.0, 2),
        ("B", 80.0, 1),
        ("A", 40.0, 1),
        ("B", 40.0, 2),
        ("A", 40.0, 2),
        ("B", 10.0, 3),
        ("C", 100.0, 1),
    ]


def test_the_median_forgets_after_twenty_sessions() -> None:
    volume = [1000.0] + [1.0] * 11 + [3.0] * 13
    rows = members(securities(A="2000-01-03"), bars(A=volume), DAYS, 25)
    expected = [
        2.0 * float(np.median(volume[max(i - USUAL_SESSIONS + 1, 0) : i + 1])) for i in range(25)
    ]
    assert rows["dollar_volume"].tolist() == expected


def test_the_last_sessions_only() -> None:
    rows = members(securities(A="2000-01-03"), bars(A=[10.0, 30.0]), DAYS[:2], 1)
    assert rows["date"].dt.strftime("%Y-%m-%d").tolist() == [DAYS[1]]
    assert rows["dollar_volume"].tolist() == [40.0]


def test_a_member_without_a_bar_ranks_last_with_nothing() -> None:
    rows = members(
        securities(A="2000-01-03", B="2000-01-03"), bars(B=[1.0]), DAYS[:1], 1
    ).set_index("symbol")
    assert rows.loc["A", "dollar_volume"] == 0.0
    assert rows["dollar_volume_rank"].to_dict() == {"A": 2, "B": 1}


def test_a_security_is_no_member_before_its_listing() -> None:
    rows = members(
        securities(A="2000-01-03", B="2004-08-03"), bars(A=[1.0, 1.0], B=[9.0, 9.0]), DAYS[:2], 2
    )
    assert rows["symbol"].tolist() == ["A", "A", "B"]
    assert rows["dollar_volume_rank"].tolist() == [1, 2, 1]


def test_nobody_is_listed() -> None:
    rows = members(securities(B="2005-01-03"), bars(B=[1.0]), DAYS[:1], 1)
    assert rows.empty


def test_a_bar_of_an_unknown_symbol_is_no_member() -> None:
    rows = members(securities(A="2000-01-03"), bars(A=[1.0], X=[9.0]), DAYS[:1], 1)
    assert rows["symbol"].tolist() == ["A"]


def test_the_ranks_have_the_database_s_type() -> None:
    rows = members(securities(A="2000-01-03"), bars(A=[1.0]), DAYS[:1], 1)
    assert rows["dollar_volume_rank"].dtype == np.int32
    assert rows["company_name"].tolist() == ["A Inc."]


THREE = securities(A="2004-08-02", B="2004-08-02", C="2004-08-02")


def names(rule: UniverseRule, rows: pd.DataFrame, sessions: int = 25) -> list[str]:
    """Members of the last session."""
    return members(THREE, rows, DAYS[:sessions], 1, rule)["symbol"].tolist()


def test_the_top_are_those_with_the_most_trading() -> None:
    rows = bars(A=[1.0] * 25, B=[3.0] * 25, C=[2.0] * 25)
    assert names(UniverseRule(top=2), rows) == ["B", "C"]
    # Who never traded is not among the top, however many there may be.
    assert names(UniverseRule(top=3), bars(A=[1.0] * 25, B=[3.0] * 25)) == ["A", "B"]


def test_a_least_price_looks_at_the_last_close() -> None:
    rows = bars(A=[1.0] * 25, B=[1.0] * 25, C=[1.0] * 24)
    cheap = (rows["symbol"] == "A") & (rows["date"] == DAYS[24])
    rows.loc[cheap, "close_price"] = 1.99
    # C has no bar that day and its close of the day before, 2, counts.
    assert names(UniverseRule(price=2.0), rows) == ["B", "C"]


def test_a_history_needs_bars_in_nine_of_ten_sessions() -> None:
    full, new = [1.0] * 20, [np.nan] * 2 + [1.0] * 18
    young = [np.nan] * 3 + [1.0] * 17
    assert names(UniverseRule(history=20), bars(A=full, B=new, C=young), 20) == ["A", "B"]


def test_a_list_names_its_members() -> None:
    rows = bars(A=[1.0] * 25, B=[3.0] * 25, C=[2.0] * 25)
    assert names(UniverseRule(symbols=frozenset({"C", "A", "ZZ"})), rows) == ["A", "C"]


def test_types_are_those_of_the_description_that_holds() -> None:
    """B becomes a fund on the third day."""
    days = pd.to_datetime([DAYS[0], DAYS[0], DAYS[2]]).astype("datetime64[s]")
    described = pd.DataFrame(
        {
            "date": days,
            "security_id": ["A", "B", "B"],
            "company_name": None,
            "security_type": ["CS", "CS", "FUND"],
            "sector": None,
            "list_date": pd.NaT,
        }
    )
    held = pd.DataFrame({"date": days[:2], "symbol": ["A", "B"], "security_id": ["A", "B"]})
    rows = bars(A=[1.0] * 3, B=[1.0] * 3)
    rows = rows.assign(security_id=rows["symbol"])
    rule = UniverseRule(types=frozenset({"CS"}))
    found = universe_members(rule, Directory(described, held), rows, DAYS[:3], 3)
    by_day = found.groupby("date")["symbol"].agg(list).tolist()
    assert by_day == [["A", "B"], ["A", "B"], ["A"]]


def test_a_run_that_starts_late_knows_the_first_session_of_a_security() -> None:
    """Described anew in a later session, and no listing date: the first description counts."""
    described = pd.DataFrame(
        {
            "date": pd.to_datetime([DAYS[0], DAYS[1], DAYS[2]]).astype("datetime64[s]"),
            "security_id": ["A", "B", "A"],
            "company_name": ["Before", "B", "After"],
            "sector": None,
            "security_type": "CS",
            "list_date": pd.Series([None] * 3, dtype="datetime64[s]"),
        }
    )
    held = described.iloc[:2][["date", "security_id"]].assign(symbol=["A", "B"])
    rows = bars(A=[1.0] * 4, B=[1.0] * 4)
    rows = rows.assign(security_id=rows["symbol"])
    whole = universe_members(UniverseRule(), Directory(described, held), rows, DAYS[:4], 4)
    late = universe_members(UniverseRule(), Directory(described, held), rows, DAYS[:4], 1)
    pd.testing.assert_frame_equal(late, whole.tail(2).reset_index(drop=True))
    assert late["listing_date"].tolist() == [pd.Timestamp(DAYS[0]), pd.Timestamp(DAYS[1])]
    assert late["company_name"].tolist() == ["After", "B"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", {}),
        ("AAPL, MSFT", {"symbols": frozenset({"AAPL", "MSFT"})}),
        ("BRK.B", {"symbols": frozenset({"BRK.B"})}),
        ("top:500", {"top": 500}),
        (
            "top:10 price:5.5 types:CS,ADRC history:60",
            {"top": 10, "price": 5.5, "types": frozenset({"CS", "ADRC"}), "history": 60},
        ),
    ],
)
def test_rules_are_read(text: str, expected: dict[str, Any]) -> None:
    assert UniverseRule.parse(text) == UniverseRule(**expected)


@pytest.mark.parametrize(
    "text",
    ["", "top:0", "top:many", "top:5 top:6", "price:-1 top:5", "top 500", "AAPL MSFT", "a;b"],
)
def test_what_is_no_rule_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match="QUANT_PLATFORM_UNIVERSE") as caught:
        UniverseRule.parse(text)
    assert "\n" not in str(caught.value)
