"""A dividend that the price did not follow counts in nothing until a person confirms it.

The sample's market with a dividend of IBM that it never paid: 12.00 on 7 June 2000, a tenth of the
price, which rose that day. Every table is compared with that of a vendor without the dividend, and
once it is confirmed with that of a market in which it was confirmed before anything was computed.
"""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.pipeline.dividends import CONFIRMED, REJECTED, decide
from quant_platform_tests.support.lab import Lab, MakeLab, WindowVendor, failure_text

FIRST, DAY, LAST = "2000-05-15", "2000-06-07", "2000-06-23"
"""29 sessions; IBM closed at 112.37 before the day, opened at 112.50 and closed at 121.00."""

COMPUTED = ("corporate_actions", "features", "signals", "portfolios", "model_performance")

MISSING = {"quant_platform/fetch": "missing"}
"""Tag of a run that computes what is unfinished."""


class GenerousVendor(WindowVendor):
    """The sample market with a dividend that nobody paid."""

    def __init__(self, amount: float = 12.0) -> None:
        super().__init__(FIRST, LAST)
        self.amount = amount

    def actions(self, first: date, last: date) -> pd.DataFrame:
        frame = super().actions(first, last)
        row = {
            "date": pd.Timestamp(DAY).as_unit("s"),
            "symbol": "IBM",
            "action_type": "special_dividend",
            "split_ratio": np.nan,
            "cash_amount": self.amount,
            "source": "window",
        }
        if not first.isoformat() <= DAY <= last.isoformat() or not self.amount:
            return frame
        return pd.concat([frame, pd.DataFrame([row])], ignore_index=True)


def update(lab: Lab, first: str = FIRST, last: str = LAST, **tags: str) -> None:
    result = lab.run("daily_update", first, last, tags=tags)
    assert result.success, failure_text(result)


def content(lab: Lab) -> dict[str, list[str]]:
    """Rows of the computed tables without their clocks."""
    sql = "SELECT (to_jsonb(t) - 'recorded_at' - 'created_at')::text FROM {} AS t ORDER BY 1"
    return {name: [text for (text,) in lab.sql(sql.format(name))] for name in COMPUTED}


def held(lab: Lab) -> list[tuple[object, ...]]:
    return lab.sql("SELECT date::text, symbol, cash_amount FROM doubtful_dividends")


def test_it_counts_in_nothing_until_it_is_confirmed(make_lab: MakeLab) -> None:
    clean, lab, known = (make_lab(GenerousVendor(amount)) for amount in (0.0, 12.0, 12.0))
    update(clean)
    update(lab)
    assert held(clean) == []
    assert held(lab) == [(DAY, "IBM", 12.0)]
    assert content(lab) == content(clean)
    assert lab.failing("dividends_without_fall") == [DAY]
    details = lab.value(
        "SELECT details ->> 'examples' FROM data_quality WHERE NOT passed AND check_name ="
        " 'dividends_without_fall'"
    )
    assert "IBM 12: the price fell by" in details

    assert decide(lab.platform, DAY, "IBM", CONFIRMED, "ann") == (1, True)
    decisions = "SELECT date::text, symbol, state, decided_by, recorded_at <= now() FROM"
    assert lab.sql(f"{decisions} dividend_decisions") == [(DAY, "IBM", "confirmed", "ann", True)]
    update(lab, **MISSING)
    assert lab.failing("dividends_without_fall") == []
    # As if it had been confirmed before the market was stored.
    known.sql(
        "INSERT INTO dividend_decisions (date, symbol, action_type, cash_amount, state, decided_by)"
        " VALUES (%s, 'IBM', 'special_dividend', 12, 'confirmed', 'ann')",
        DAY,
    )
    update(known)
    assert content(lab) == content(known)
    assert content(lab) != content(clean)
    # Before the ex-date nothing is another than without it.
    for name in ("features", "portfolios"):
        sql = f"SELECT (to_jsonb(t) - 'recorded_at')::text FROM {name} AS t WHERE date < '{DAY}'"  # noqa: S608
        assert sorted(lab.sql(sql)) == sorted(clean.sql(sql))


class TestFacts:
    def stage(self, lab: Lab, first: str = FIRST, last: str | None = LAST) -> None:
        result = lab.run("market_stage", first, last)
        assert result.success, failure_text(result)

    def test_any_cut_sets_the_same_aside(self, make_lab: MakeLab) -> None:
        lab = make_lab(GenerousVendor())
        for session in ("2000-06-06", DAY, "2000-06-08"):
            self.stage(lab, session, None)
        assert held(lab) == [(DAY, "IBM", 12.0)]

    def test_a_decision_outlives_what_the_vendor_sends_again(self, make_lab: MakeLab) -> None:
        lab = make_lab(vendor := GenerousVendor())
        self.stage(lab)
        decide(lab.platform, DAY, "IBM", CONFIRMED, "ann")
        actions = "SELECT t::text FROM corporate_actions AS t ORDER BY 1"
        before = lab.sql(actions)
        self.stage(lab)
        assert lab.sql(actions) == before
        decide(lab.platform, DAY, "IBM", REJECTED, "bob")
        paid = "SELECT count(*) FROM corporate_actions WHERE cash_amount = 12"
        assert lab.value(paid) == 0
        self.stage(lab)
        assert lab.value(paid) == 0
        assert lab.failing("dividends_without_fall") == []
        # Another amount is another dividend.
        vendor.amount = 13.0
        self.stage(lab)
        assert lab.failing("dividends_without_fall") == [DAY]
        with pytest.raises(UnknownNameError, match="MSFT has no doubtful dividend"):
            decide(lab.platform, DAY, "MSFT", CONFIRMED, "ann")
