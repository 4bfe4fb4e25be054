"""The vendor `synthetic`: the same bytes from the same seed, and every planted fact where it says.

What is recovered here is worked out from what the vendor publishes and from nothing else.
"""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SettingsError
from quant_platform.market.calendar import XNYS
from quant_platform.market.facts import IdentityPolicy, market_facts
from quant_platform.market.identity import IdentityBook
from quant_platform.settings import Settings
from quant_platform.vendors.synthetic import SyntheticVendor
from quant_platform.vendors.synthetic.schedule import Kind
from quant_platform.vendors.synthetic.settings import SyntheticSettings
from quant_platform.vendors.vendor_registry import vendor_of

FIRST, LAST = date(2005, 1, 3), date(2006, 3, 10)
"""299 sessions."""

PRICES = ["open_price", "high_price", "low_price", "close_price"]

DIGEST = "1127dcb1173afeba2b91741a0c7e335423fa2bbb4df0418546a98dd2ad09e3af"
"""SHA-256 of `everything` of the market below, worked out on x86-64 with glibc. Whatever changes it
changes every result that somebody measured on this vendor's markets."""


def vendor(last: date = LAST, seed: int = 1, securities: int = 40) -> SyntheticVendor:
    settings = SyntheticSettings(securities=securities, first=f"{FIRST}", last=f"{last}", seed=seed)
    return SyntheticVendor(settings)


@pytest.fixture(scope="module")
def synthetic() -> SyntheticVendor:
    return vendor()


@pytest.fixture(scope="module")
def bars(synthetic: SyntheticVendor) -> pd.DataFrame:
    return synthetic.bars(FIRST, LAST)


@pytest.fixture(scope="module")
def truths(synthetic: SyntheticVendor) -> pd.DataFrame:
    return synthetic.planted_truths(FIRST, LAST)


@pytest.fixture(scope="module")
def closes(bars: pd.DataFrame) -> pd.DataFrame:
    """Published closes, sessions × tickers; NaN without a bar."""
    return bars.pivot(index="date", columns="symbol", values="close_price")


def of_kind(truths: pd.DataFrame, *kinds: str) -> Iterator[tuple[pd.Timestamp, pd.Series]]:
    rows = truths[truths["kind"].isin(kinds)]
    assert set(kinds) == set(rows["kind"]), "nothing of a kind is planted"
    for _, row in rows.iterrows():
        yield row["date"], row


def before(closes: pd.DataFrame, day: pd.Timestamp, symbol: str) -> float:
    """Last close of a ticker before a day."""
    return float(closes.loc[closes.index < day, symbol].dropna().iloc[-1])


def everything(vendor: SyntheticVendor, last: date) -> bytes:
    """What the vendor publishes of the sessions up to a day."""
    parts = []
    for frame in (
        vendor.bars(FIRST, last),
        vendor.actions(FIRST, last),
        vendor.planted_signals(FIRST, last),
    ):
        for name in frame.columns:
            values = frame[name]
            if values.dtype == "float64":
                parts.append(values.to_numpy().astype("<f8").tobytes())
            else:
                parts.append("\n".join(values.astype(str)).encode())
    for session in vendor.market.sessions[::5]:
        if session <= last:
            known = (*vendor.listed(session), *vendor.listed(session, delisted_since=FIRST))
            texts = [
                f"{row.symbol} {row.figi} {row.company_name} {row.sector} {row.list_date}"
                f" {row.delisted_on}"
                for row in known
            ]
            parts.append("\n".join(texts).encode())
    return b"\0".join(parts)


class TestBytes:
    def test_are_those_that_they_were_anywhere(self, synthetic: SyntheticVendor) -> None:
        assert hashlib.sha256(everything(synthetic, LAST)).hexdigest() == DIGEST

    def test_another_seed_has_others(self, synthetic: SyntheticVendor) -> None:
        other = vendor(seed=2)
        assert everything(other, LAST) != everything(synthetic, LAST)
        mine, theirs = (each.bars(FIRST, LAST) for each in (synthetic, other))
        both = mine.merge(theirs, on=["date", "symbol"])
        assert len(both) > 10_000
        assert (both["close_price_x"] == both["close_price_y"]).mean() < 0.01

    @pytest.mark.parametrize("last", [date(2005, 6, 30), date(2006, 1, 4), date(2006, 1, 5)])
    def test_a_market_that_goes_on_changes_nothing_before(
        self, synthetic: SyntheticVendor, last: date
    ) -> None:
        """So nothing that a session publishes was chosen by what comes after it.

        The last two days lie around the first session of the second period of events.
        """
        assert everything(vendor(last), last) == everything(synthetic, last)

    def test_do_not_depend_on_how_they_are_asked_for(
        self, synthetic: SyntheticVendor, bars: pd.DataFrame
    ) -> None:
        sessions = synthetic.market.sessions[100:140]
        streamed = pd.concat([each.bars for each in synthetic.stream(sessions)], ignore_index=True)
        whole = bars[bars["date"].between(f"{sessions[0]}", f"{sessions[-1]}")]
        pd.testing.assert_frame_equal(streamed, whole.reset_index(drop=True))

    def test_no_truth_is_settled_later(self, truths: pd.DataFrame) -> None:
        """But for halts, whose last session is not known while they last."""
        last = date(2006, 1, 4)
        shorter = vendor(last).planted_truths(FIRST, last)
        longer = truths[truths["date"] <= f"{last}"]
        lasting = (longer["kind"] == Kind.HALT) & (longer["last_date"] > f"{last}")
        pd.testing.assert_frame_equal(
            shorter[~lasting.to_numpy()].reset_index(drop=True),
            longer[~lasting].reset_index(drop=True),
        )


class TestBars:
    def test_keep_the_rules_of_bars(self, bars: pd.DataFrame) -> None:
        assert (bars["high_price"] >= bars[["open_price", "close_price"]].max(axis=1)).all()
        assert (bars["low_price"] <= bars[["open_price", "close_price"]].min(axis=1)).all()
        assert (bars["low_price"] > 0).all()
        assert bars["vwap"].between(bars["low_price"], bars["high_price"]).all()
        assert (bars["volume"] >= 1).all()
        assert (bars["volume"] % 1 == 0).all()
        assert not bars.duplicated(["date", "symbol"]).any()

    def test_are_in_whole_cents(self, bars: pd.DataFrame) -> None:
        for name in PRICES:
            assert (bars[name] == (bars[name] * 100).round() / 100).all()

    def test_are_of_every_session(self, bars: pd.DataFrame) -> None:
        days = bars["date"].dt.date.unique().tolist()
        assert days == list(XNYS.sessions(FIRST, LAST))

    def test_are_none_of_other_days(self, synthetic: SyntheticVendor) -> None:
        assert len(synthetic.bars(date(2005, 1, 15), date(2005, 1, 16))) == 0
        assert not synthetic.is_published(date(2005, 1, 15))
        assert synthetic.is_published(LAST)
        assert not synthetic.is_published(date(2006, 3, 13))


class TestFactsAreRecovered:
    def test_every_kind_is_planted_in_a_small_market(self, truths: pd.DataFrame) -> None:
        assert set(truths["kind"]) == {str(kind) for kind in Kind}

    def test_halts(self, truths: pd.DataFrame, closes: pd.DataFrame) -> None:
        for day, row in of_kind(truths, "halt"):
            line = closes[row["symbol"]]
            assert line[day : row["last_date"]].isna().all()
            assert line[:day].iloc[-2] > 0
            assert line[row["last_date"] :].iloc[1] > 0

    def test_no_other_bar_is_missing(
        self, synthetic: SyntheticVendor, truths: pd.DataFrame, closes: pd.DataFrame
    ) -> None:
        listed = sum(len(synthetic.listed(day)) for day in synthetic.market.sessions)
        halted = sum(len(closes[day : row["last_date"]]) for day, row in of_kind(truths, "halt"))
        assert closes.notna().to_numpy().sum() == listed - halted

    def test_ends(
        self, synthetic: SyntheticVendor, truths: pd.DataFrame, closes: pd.DataFrame
    ) -> None:
        for day, row in of_kind(truths, "bankruptcy", "merger"):
            line = closes.loc[: day + pd.Timedelta(days=9), row["symbol"]]
            assert line.last_valid_index() == row["last_date"]
            gone = synthetic.listed(day.date(), delisted_since=day.date())
            assert [(each.figi, each.delisted_on) for each in gone] == [
                (row["security_id"], day.date())
            ]
            last = line[row["last_date"]]
            if row["kind"] == "merger":
                assert abs(row["payoff"] / last - 1.0) < 0.01
            else:
                assert row["payoff"] <= 0.3 * last + 1e-4
                assert last < 0.5 * line.iloc[-60:].max()

    def test_renames(
        self, synthetic: SyntheticVendor, truths: pd.DataFrame, closes: pd.DataFrame
    ) -> None:
        for day, row in of_kind(truths, "rename"):
            assert closes[row["other_symbol"]][:day].last_valid_index() < day
            assert closes[row["symbol"]].first_valid_index() == day
            changes = synthetic.ticker_changes(row["security_id"])
            assert changes[-1] == (day.date(), row["symbol"])

    def test_reuses(self, synthetic: SyntheticVendor, truths: pd.DataFrame) -> None:
        for day, row in of_kind(truths, "reuse"):
            now = synthetic.details(row["symbol"], day.date())
            earlier = synthetic.details(row["symbol"], FIRST)
            assert now is not None
            assert earlier is not None
            assert (now.figi, earlier.figi) == (row["security_id"], row["other_security_id"])

    def test_splits(
        self, synthetic: SyntheticVendor, truths: pd.DataFrame, closes: pd.DataFrame
    ) -> None:
        actions = synthetic.actions(FIRST, LAST)
        splits = actions[actions["action_type"] == "split"]
        published = set(zip(splits["date"], splits["symbol"], splits["split_ratio"], strict=True))
        true = set()
        for day, row in of_kind(truths, "split", "false_split", "missing_split"):
            moved = before(closes, day, row["symbol"]) / closes.loc[day, row["symbol"]]
            followed = abs(np.log(moved / row["split_ratio"])) < np.log(1.25)
            assert followed == (row["kind"] != "false_split")
            if row["kind"] != "missing_split":
                true.add((day, row["symbol"], row["split_ratio"]))
        assert published == true

    def test_dividends(
        self, synthetic: SyntheticVendor, truths: pd.DataFrame, bars: pd.DataFrame
    ) -> None:
        actions = synthetic.actions(FIRST, LAST)
        dividends = actions[actions["action_type"] != "split"]
        columns = ["date", "symbol", "cash_amount"]
        kinds = ("dividend", "special_dividend", "false_dividend")
        planted = truths.loc[truths["kind"].isin(kinds), columns]
        pd.testing.assert_frame_equal(
            dividends[columns].sort_values(columns, ignore_index=True),
            planted.sort_values(columns, ignore_index=True),
        )
        closes = bars.pivot(index="date", columns="symbol", values="close_price")
        opens = bars.pivot(index="date", columns="symbol", values="open_price")
        for day, row in of_kind(truths, "special_dividend", "false_dividend"):
            close = before(closes, day, row["symbol"])
            fell = (close - opens.loc[day, row["symbol"]]) / close
            share = row["cash_amount"] / close
            assert (fell > 0.5 * share) == (row["kind"] == "special_dividend")
        paid = truths[truths["kind"].isin(["dividend", "special_dividend"])]
        assert (paid["pay_date"] > paid["date"]).all()

    def test_bad_prints(self, truths: pd.DataFrame, bars: pd.DataFrame) -> None:
        keyed = bars.set_index(["date", "symbol"])
        for day, row in of_kind(truths, "bad_print"):
            name = row["name"] if row["name"] in ("open", "high", "low") else "close"
            column = "volume" if row["name"] == "volume" else f"{name}_price"
            assert keyed.loc[(day, row["symbol"]), column] == row["printed"]
            if row["name"] == "copy":
                yesterday = bars["date"][bars["date"] < day].max()
                copied = keyed.loc[(yesterday, row["symbol"]), [*PRICES, "volume"]]
                assert (keyed.loc[(day, row["symbol"]), [*PRICES, "volume"]] == copied).all()
            else:
                assert abs(row["printed"] / row["true_value"] - 1.0) > 0.14

    def test_the_platform_finds_every_identity(
        self, synthetic: SyntheticVendor, bars: pd.DataFrame
    ) -> None:
        """Renamed and reused tickers mean what the vendor planted, bar by bar."""
        sessions = synthetic.market.sessions
        policy = IdentityPolicy("monthly", 1_000_000.0)
        facts = market_facts(synthetic, XNYS, sessions, IdentityBook(), policy)
        found = pd.concat([each.bars for each in facts], ignore_index=True)
        planted = synthetic.planted_signals(FIRST, LAST)
        both = found.merge(planted, on=["date", "symbol"], validate="one_to_one")
        assert len(both) == len(bars)
        assert (both["security_id_x"] == both["security_id_y"]).all()

    def test_signals_are_told_of_where_a_start_cuts_the_market(self) -> None:
        """4 June 2005 was a Saturday."""
        cut = vendor()
        cut.first_session = date(2005, 6, 4)
        truths = cut.planted_truths(date(2005, 6, 6), LAST)
        signals = truths[truths["kind"] == "signal"]
        assert signals["date"].dt.date.tolist() == [date(2005, 6, 6)] * 5
        assert "bad_print" in set(truths["kind"])


class TestSettings:
    def test_name_the_vendor(self, tmp_path: Path) -> None:
        values = {
            "QUANT_PLATFORM_VENDOR": "synthetic",
            "QUANT_PLATFORM_SYNTHETIC_SECURITIES": "12",
            "QUANT_PLATFORM_SYNTHETIC_LAST": "2005-01-31",
        }
        chosen = vendor_of(Settings.load(values, tmp_path))
        assert isinstance(chosen, SyntheticVendor)
        assert len(chosen.listed(date(2005, 1, 31))) == 12

    def test_a_span_that_ends_before_it_begins(self, tmp_path: Path) -> None:
        values = {
            "QUANT_PLATFORM_VENDOR": "synthetic",
            "QUANT_PLATFORM_SYNTHETIC_LAST": "2004-12-31",
        }
        with pytest.raises(SettingsError) as caught:
            vendor_of(Settings.load(values, tmp_path))
        assert "QUANT_PLATFORM_SYNTHETIC_LAST is 2004-12-31" in str(caught.value)
        assert "\n" not in str(caught.value)
