"""What checks, identities and statistics make of a market whose truth is planted.

A synthetic market goes through the whole pipeline by the real command. What the platform stored is
then held against the table `planted_truths`:

- checks: facts that a check is for, which of them it found and missed, which of its accusations
  another planted fact explains, and which nothing does (wrong);
- identities: renames, reused tickers and listings, and bars under another security than planted;
- delistings: when positions were closed, and what was paid in parts of what holders really got;
- signals: correlations with returns over horizons, from what is stored as it is and set right by
  the truths, beside the true ones. There is no rival: the truth is the limit.

Run: python benchmarks/planted_truth.py [--securities 100] [--last 2007-12-31] [--seed 1]
With --home, a home that `quant-platform demo --market synthetic` filled with these is read instead.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from quant_platform.market.panel import Panel, pivot
from quant_platform.quality.prices import total_returns
from quant_platform.research.store import Store, open_store
from quant_platform.settings import Settings
from quant_platform.vendors.synthetic import SyntheticVendor
from quant_platform.vendors.synthetic.settings import SyntheticSettings
from quant_platform.vendors.synthetic.signals import SIGNALS, true_information_coefficient

COMMAND = str(Path(sys.executable).with_name("quant-platform"))

FAULTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "bad_prints": lambda rows: (rows["kind"] == "bad_print") & (rows["name"] != "volume"),
    "volume_outliers": lambda rows: (rows["kind"] == "bad_print") & (rows["name"] == "volume"),
    "splits_without_jump": lambda rows: rows["kind"] == "false_split",
    "jumps_without_split": lambda rows: rows["kind"] == "missing_split",
    "dividends_without_fall": lambda rows: rows["kind"] == "false_dividend",
}
"""Checks, and the facts that each is for. All others are for none that is planted."""

DEAL_SESSIONS = 60
"""A takeover is announced, and a fall begins, at most so many sessions before the end."""

HORIZONS = (1, 5, 21)


def main() -> None:
    """Fill a database, or take one, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--securities", type=int, default=100)
    parser.add_argument("--last", default="2007-12-31")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    chosen = SyntheticSettings(securities=options.securities, last=options.last, seed=options.seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = options.home or Path(folder) / "home"
        variables = {
            "QUANT_PLATFORM_HOME": str(home.absolute()),
            "QUANT_PLATFORM_VENDOR": SyntheticVendor.name,
            "QUANT_PLATFORM_SYNTHETIC_SECURITIES": str(chosen.securities),
            "QUANT_PLATFORM_SYNTHETIC_LAST": chosen.last,
            "QUANT_PLATFORM_SYNTHETIC_SEED": str(chosen.seed),
        }
        if options.home is None:
            fill(variables)
        show(open_store(Settings.load(variables, Path(folder))), SyntheticVendor(chosen))


def fill(variables: dict[str, str]) -> None:
    """Run the whole pipeline by the real command."""
    environment = {**os.environ, **variables}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [COMMAND, "demo", "--market", "synthetic"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])


def show(store: Store, vendor: SyntheticVendor) -> None:
    """Print every table."""
    truths = store.sql("SELECT * FROM planted_truths")
    truths["date"] = pd.to_datetime(truths["date"])
    days = pd.DatetimeIndex(vendor.market.days)
    print(f"{vendor.settings.securities} securities, {len(days):,} sessions", flush=True)
    show_checks(store, truths, days)
    show_identities(store, truths, vendor)
    show_delistings(store, truths)
    show_signals(store, truths, vendor)


def show_checks(store: Store, truths: pd.DataFrame, days: pd.DatetimeIndex) -> None:
    """Print what each check found, missed and accused wrongly."""
    accusations = accused(store, days)
    facts = spans(truths, days)
    print("\ncheck                    planted   found  missed   other   wrong")
    missed: list[pd.DataFrame] = []
    for check, rows in accusations.groupby("check_name"):
        theirs = facts[FAULTS[str(check)](facts)] if check in FAULTS else facts[:0]
        found = matches(theirs, rows)
        explained = matches(rows, facts, reverse=True)
        own = matches(rows, theirs, reverse=True)
        right, known = (whole(rows, each) for each in (own, explained))
        counts = (len(theirs), found.sum(), (~found).sum(), known - right)
        print(f"{check:24}" + "".join(f"{n:8,}" for n in (*counts, whole(rows) - known)))
        missed.append(theirs[~found.to_numpy()])
    prints = facts[facts["kind"] == "bad_print"]
    lost = pd.concat(missed)
    shares = [
        f"{name} {1 - (lost['name'] == name).sum() / len(group):.0%} of {len(group)}"
        for name, group in prints.groupby("name")
    ]
    print("bad prints found: " + ", ".join(shares))
    silent = sorted(set(FAULTS) - set(accusations["check_name"]))
    print(f"checks that accuse nobody, and should: {', '.join(silent) or 'none'}")


def accused(store: Store, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Quoted failures of checks of facts: check_name, at (number of the session), security_id.

    A failure quotes a ticker; it stands for every security that ever had it.
    """
    verdicts = store.sql(
        "SELECT check_name, date, details::text AS details FROM data_quality WHERE NOT passed"
        " AND table_name IN ('market_data', 'corporate_actions', 'trading_universe')"
    )
    rows = [
        (check, days.get_loc(day), example.split()[0])
        for check, day, details in zip(
            verdicts["check_name"],
            pd.to_datetime(verdicts["date"]),
            verdicts["details"],
            strict=True,
        )
        for example in json.loads(details).get("examples", [])
    ]
    quoted = pd.DataFrame(rows, columns=["check_name", "at", "symbol"])
    bearers = store.sql("SELECT DISTINCT symbol, security_id FROM market_data")
    return quoted.merge(bearers, on="symbol")


def whole(rows: pd.DataFrame, chosen: pd.Series | None = None) -> int:
    """Count accusations, whichever of the securities of a ticker is chosen."""
    return len((rows if chosen is None else rows[chosen])[["at", "symbol"]].drop_duplicates())


def spans(truths: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Facts that may be accused, with the sessions `start` to `end` in which they show."""
    kinds = ("listing", "dividend", "signal")
    facts = truths[~truths["kind"].isin(kinds)].copy()
    facts["at"] = days.get_indexer(pd.DatetimeIndex(facts["date"]))
    # A fault of a close is seen in the session after; so is a reopening after a halt.
    facts["start"], facts["end"] = facts["at"], facts["at"] + 1
    halts, ends = facts["kind"] == "halt", facts["kind"].isin(["merger", "bankruptcy"])
    last = days.get_indexer(pd.DatetimeIndex(pd.to_datetime(facts.loc[halts, "last_date"])))
    facts.loc[halts, "end"] = last + 1
    facts.loc[ends, "start"] = facts["at"] - DEAL_SESSIONS
    return facts


def matches(rows: pd.DataFrame, others: pd.DataFrame, *, reverse: bool = False) -> pd.Series:
    """Whether each row has a counterpart: facts among accusations or, reversed, the other way."""
    facts, accusations = (others, rows) if reverse else (rows, others)
    left = facts.reset_index(names="fact")[["fact", "security_id", "start", "end"]]
    right = accusations.reset_index(names="accusation")[["accusation", "security_id", "at"]]
    pairs = left.merge(right, on="security_id")
    pairs = pairs[(pairs["at"] >= pairs["start"]) & (pairs["at"] <= pairs["end"])]
    return pd.Series(rows.index.isin(pairs["accusation" if reverse else "fact"]), rows.index)


def show_identities(store: Store, truths: pd.DataFrame, vendor: SyntheticVendor) -> None:
    """Print which changes of tickers were found in their session, and bars of the wrong series."""
    meanings = store.sql("SELECT date, symbol, security_id FROM security_symbols")
    meanings["date"] = pd.to_datetime(meanings["date"])
    print("\nidentity                 planted   found  missed")
    for kind in ("listing", "rename", "reuse"):
        planted = truths[truths["kind"] == kind]
        found = planted.merge(meanings, on=["date", "symbol", "security_id"])
        counts = (len(planted), len(found), len(planted) - len(found))
        print(f"{kind:24}" + "".join(f"{n:8,}" for n in counts))
    # A ticker that trades too little to be looked up has an identity of its own until its FIGI is
    # read; it is one series.
    bars = store.sql(
        "SELECT date, symbol, coalesce(figi, m.security_id) AS security_id FROM market_data AS m"
        " LEFT JOIN (SELECT security_id, max(figi) AS figi FROM securities GROUP BY 1) AS s"
        " ON s.security_id = m.security_id"
    )
    bars["date"] = pd.to_datetime(bars["date"])
    first, last = vendor.settings.span
    planted = vendor.planted_signals(first, last)[["date", "symbol", "security_id"]]
    both = planted.merge(bars, on=["date", "symbol"], how="outer", indicator=True)
    strange = (both["_merge"] != "both") | (both["security_id_x"] != both["security_id_y"])
    print(f"bars of another security than planted, or missing: {strange.sum():,} of {len(both):,}")


def show_delistings(store: Store, truths: pd.DataFrame) -> None:
    """Print which ends were known, and what was paid for positions."""
    ends = truths[truths["kind"].isin(["merger", "bankruptcy"])]
    known = store.sql(
        "SELECT security_id, min(delisted_on) AS delisted_on FROM securities"
        " WHERE delisted_on IS NOT NULL GROUP BY 1"
    )
    closed = store.sql(
        "SELECT c.*, m.model_name FROM closed_positions AS c JOIN models AS m ON m.id = c.model_id"
    )
    print(
        "\ndelisting                planted   known   closed  assumed  sessions  paid/last", end=""
    )
    print("  true/last")
    for kind, rows in ends.groupby("kind"):
        dated = rows.merge(known, on="security_id")
        right = (pd.to_datetime(dated["delisted_on"]) == dated["date"]).sum()
        theirs = closed.merge(rows, on="security_id", suffixes=("", "_true"))
        # A payoff is of a share in units of its last session, and so is a last price: no split
        # follows an end.
        paid = 1.0 + theirs["delisting_return"].mean()
        true = (theirs["payoff"] / theirs["last_price"]).mean()
        print(
            f"{kind:24}{len(rows):8,}{right:8,}{len(theirs):9,}{theirs['assumed'].sum():9,}"
            f"{theirs['sessions_without_bar'].mean():10.1f}{paid:11.3f}{true:11.3f}"
        )
    wrong = closed[~closed["security_id"].isin(ends["security_id"])]
    print(f"positions closed of securities that did not end: {len(wrong)}")


def show_signals(store: Store, truths: pd.DataFrame, vendor: SyntheticVendor) -> None:
    """Print correlations of signals with returns beside the true ones."""
    first, last = vendor.settings.span
    stored = returns_of(store, vendor, None)
    right = returns_of(store, vendor, truths)
    signals = vendor.planted_signals(first, last)
    print(
        "\nsignal       horizon    true   as stored: Pearson    rank   set right: Pearson    rank"
        "   error"
    )
    for signal in SIGNALS:
        values = pivot(signals, signal.name, stored.sessions, stored.security_ids)
        for horizon in HORIZONS:
            plain, set_right = (coefficients(values, panel, horizon) for panel in (stored, right))
            error = set_right[0].std(ddof=1) / math.sqrt(len(set_right[0]))
            true = true_information_coefficient(signal.name, horizon)
            print(
                f"{signal.name:12}{horizon:8}{true:8.4f}{plain[0].mean():21.4f}"
                f"{plain[1].mean():8.4f}{set_right[0].mean():21.4f}{set_right[1].mean():8.4f}"
                f"{error:8.4f}",
                flush=True,
            )


def returns_of(store: Store, vendor: SyntheticVendor, truths: pd.DataFrame | None) -> Panel:
    """Bars and actions as they are stored or, with the truths, without faults."""
    bars = store.sql(
        "SELECT date, security_id, open_price, high_price, low_price, close_price, volume"
        " FROM market_data"
    )
    bars["date"] = pd.to_datetime(bars["date"])
    if truths is None:
        actions = store.sql("SELECT * FROM corporate_actions")
    else:
        keys = ["date", "security_id"]
        bad = pd.MultiIndex.from_frame(truths.loc[truths["kind"] == "bad_print", keys])
        bars = bars[~pd.MultiIndex.from_frame(bars[keys]).isin(bad)]
        kinds = ("split", "missing_split", "dividend", "special_dividend")
        actions = truths[truths["kind"].isin(kinds)].rename(columns={"kind": "action_type"})
    actions = actions.assign(date=pd.to_datetime(actions["date"]))
    return Panel.from_frames(bars, actions, vendor.market.days)


def coefficients(values: np.ndarray, panel: Panel, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlations by session, of values and of ranks, with returns that do not overlap."""
    change = np.where(panel.traded, total_returns(panel), np.nan)
    growth = np.cumprod(1.0 + np.nan_to_num(change), axis=0)
    plain, ranked = [], []
    for k in range(0, len(growth) - horizon, horizon):
        ahead = growth[k + horizon] / growth[k]
        known = np.isfinite(change[k + horizon] + values[k])
        pair = values[k, known], ahead[known]
        plain.append(np.corrcoef(*pair)[0, 1])
        ranked.append(np.corrcoef(*(each.argsort().argsort() for each in pair))[0, 1])
    return np.array(plain), np.array(ranked)


if __name__ == "__main__":
    main()
