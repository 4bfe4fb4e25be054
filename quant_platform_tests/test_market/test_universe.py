import numpy as np
import pandas as pd

from quant_platform.market.universe import DOLLAR_VOLUME_SESSIONS, universe_members

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
    rows = universe_members(
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
    rows = universe_members(securities(A="2000-01-03"), bars(A=volume), DAYS, 25)
    expected = [
        2.0 * float(np.median(volume[max(i - DOLLAR_VOLUME_SESSIONS + 1, 0) : i + 1]))
        for i in range(25)
    ]
    assert rows["dollar_volume"].tolist() == expected


def test_the_last_sessions_only() -> None:
    rows = universe_members(securities(A="2000-01-03"), bars(A=[10.0, 30.0]), DAYS[:2], 1)
    assert rows["date"].dt.strftime("%Y-%m-%d").tolist() == [DAYS[1]]
    assert rows["dollar_volume"].tolist() == [40.0]


def test_a_member_without_a_bar_ranks_last_with_nothing() -> None:
    rows = universe_members(
        securities(A="2000-01-03", B="2000-01-03"), bars(B=[1.0]), DAYS[:1], 1
    ).set_index("symbol")
    assert rows.loc["A", "dollar_volume"] == 0.0
    assert rows["dollar_volume_rank"].to_dict() == {"A": 2, "B": 1}


def test_a_security_is_no_member_before_its_listing() -> None:
    rows = universe_members(
        securities(A="2000-01-03", B="2004-08-03"), bars(A=[1.0, 1.0], B=[9.0, 9.0]), DAYS[:2], 2
    )
    assert rows["symbol"].tolist() == ["A", "A", "B"]
    assert rows["dollar_volume_rank"].tolist() == [1, 2, 1]


def test_nobody_is_listed() -> None:
    rows = universe_members(securities(B="2005-01-03"), bars(B=[1.0]), DAYS[:1], 1)
    assert rows.empty


def test_a_bar_of_an_unknown_symbol_is_no_member() -> None:
    rows = universe_members(securities(A="2000-01-03"), bars(A=[1.0], X=[9.0]), DAYS[:1], 1)
    assert rows["symbol"].tolist() == ["A"]


def test_the_ranks_have_the_database_s_type() -> None:
    rows = universe_members(securities(A="2000-01-03"), bars(A=[1.0]), DAYS[:1], 1)
    assert rows["dollar_volume_rank"].dtype == np.int32
    assert rows["company_name"].tolist() == ["A Inc."]
