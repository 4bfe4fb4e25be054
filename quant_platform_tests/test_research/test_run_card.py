"""Run cards: the same bytes each time, verified without a database, and what is refused of one."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from quant_platform.errors import ContractError, SettingsError
from quant_platform.research.card_check import check_card
from quant_platform.research.card_file import CARD, SOURCE, VERSION, parquet_bytes
from quant_platform.research.result import Backtest
from quant_platform.research.run_card import read_card
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform.storage.ledger import outcome_digest
from quant_platform_tests.support.five_sessions import FIRST, LAST, Ten

Entries = dict[str, bytes]


@pytest.fixture
def result(market: Database) -> Backtest:
    return Store(market).backtest(Ten(), FIRST, LAST)


@pytest.fixture
def card(result: Backtest, tmp_path: Path) -> Path:
    return result.save_card(tmp_path / "run.zip")


def entries_of(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, entries: Entries, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return path


def told_anew(entries: Entries, change: Callable[[dict[str, Any]], None]) -> Entries:
    """Entries with a changed JSON whose digests hold again: by who knows how it is made."""
    from hashlib import sha256

    head = json.loads(entries[CARD])
    change(head)
    names = [name for name in entries if name != CARD]
    head["digests"] = {name: sha256(entries[name]).hexdigest() for name in names}
    return {**entries, CARD: json.dumps(head).encode()}


def test_the_same_run_gives_the_same_bytes_and_holds(
    market: Database, card: Path, tmp_path: Path
) -> None:
    again = Store(market).backtest(Ten(), FIRST, LAST).save_card(tmp_path / "again.zip")
    assert again.read_bytes() == card.read_bytes()
    checked = check_card(card)
    assert checked.exact
    assert checked.sessions == 5


def test_what_it_holds(card: Path, result: Backtest) -> None:
    """Any program reads it: a zip of JSON and Parquet."""
    entries = entries_of(card)
    head = json.loads(entries[CARD])
    assert head["trial"]["strategy"] == "ten"
    assert head["trial"]["costs"]["commission_bp"] == 5.0
    assert set(head["environment"]) >= {"python", "packages", "machine"}
    assert "class Ten(Strategy)" in entries[SOURCE].decode()
    fills = pq.read_table(io.BytesIO(entries["fills.parquet"])).to_pandas()
    assert fills["shares"].tolist() == result.fills["shares"].tolist()
    back = read_card(card)
    pd.testing.assert_frame_equal(back.tables["portfolios"], result.portfolios)
    assert back.run == result.run


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.999])
def test_cut_off(card: Path, kept: float) -> None:
    body = card.read_bytes()
    card.write_bytes(body[: int(kept if kept >= 1 else kept * len(body))])
    with pytest.raises(ContractError, match="is no whole run card: it is cut off"):
        check_card(card)


def test_any_changed_byte_is_found(card: Path) -> None:
    """Of the content: what a zip has around it says nothing."""
    body = card.read_bytes()
    inside = [body.find(each) for each in entries_of(card).values() if each]
    for place in inside:
        changed = bytearray(body)
        changed[place + 8] ^= 1
        card.write_bytes(bytes(changed))
        with pytest.raises(ContractError, match="is no whole run card"):
            check_card(card)


def test_another_price_with_new_digests_is_found_by_the_accounts(card: Path) -> None:
    entries = entries_of(card)
    rows = read_card(card).tables["portfolios"]
    rows["equity"] += np.array([0.0, 0.0, 0.0, 0.01, 0.0])
    entries["portfolios.parquet"] = parquet_bytes(rows)
    written(card, told_anew(entries, lambda head: None))
    with pytest.raises(ContractError, match="in 2024-01-05 equity is not its parts"):
        check_card(card)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda head: head["metrics"].update(beta=9.0), "the digest of its outcome"),
        (lambda head: head["trial"].update(capital=5.0), "the digest of its trial"),
        (lambda head: head["run"].update(code_version="other"), "the digest of its run"),
        (lambda head: head.pop("trial"), "it lacks 'trial'"),
        (lambda head: head.update(version=VERSION + 1), "this platform reads up to 1"),
        (lambda head: head.update(version="1"), "has no version"),
        (lambda head: head.update(format="x"), "its format is another one"),
    ],
)
def test_a_changed_statement_with_new_digests(
    card: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    written(card, told_anew(entries_of(card), change))
    with pytest.raises(ContractError, match=message):
        check_card(card)


def test_figures_that_do_not_follow(card: Path) -> None:
    """Somebody who makes the digests anew cannot make a Sharpe ratio of these returns."""
    claimed = read_card(card).outcome
    better = replace(claimed, metrics={**claimed.metrics, "sharpe_ratio": 3.0})

    def change(head: dict[str, Any]) -> None:
        head["metrics"]["sharpe_ratio"] = 3.0
        head["stated"]["outcome"] = outcome_digest(better)

    written(card, told_anew(entries_of(card), change))
    with pytest.raises(ContractError, match=r"sharpe_ratio is .* and it states 3\.0"):
        check_card(card)


def test_what_could_harm_is_refused_before_it_is_read(card: Path, tmp_path: Path) -> None:
    entries = entries_of(card)
    for path in (
        written(tmp_path / "a.zip", {**entries, "../outside": b"x"}),
        written(tmp_path / "b.zip", {**entries, "/etc/passwd": b"x"}),
        written(tmp_path / "c.zip", {CARD: entries[CARD]}),
    ):
        with pytest.raises(ContractError, match="its entries are not those of a card"):
            check_card(path)
    bomb = written(tmp_path / "d.zip", {**entries, SOURCE: bytes(2**24)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ContractError, match="packed, or claim more"):
        check_card(bomb)
    with pytest.raises(ContractError, match="There is no file"):
        check_card(tmp_path / "none.zip")
    with pytest.raises(ContractError, match="cut off, or another kind of file"):
        check_card(Path(__file__))


def test_a_table_that_unpacks_to_much_is_refused(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quant_platform.research.card_file.MOST_BYTES", 2000)
    with pytest.raises(ContractError, match="unpacks to more than"):
        check_card(card)


def test_a_result_of_nobody_knows_what_has_no_card(result: Backtest, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="made without a store"):
        replace(result, run=None).save_card(tmp_path / "x.zip")
    with pytest.raises(SettingsError, match="There is no folder"):
        result.save_card(tmp_path / "none" / "x.zip")
