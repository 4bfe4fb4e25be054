"""What a page is made of: rates, refused rows and missing sessions as the database holds them."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SessionError
from quant_platform.evaluation.metrics import session_rate
from quant_platform.evaluation.performance import performance_rows
from quant_platform.market.calendar import XNYS
from quant_platform.pipeline.page_data import gather
from quant_platform.pipeline.pages import seal_pages, write_page
from quant_platform.pipeline.recipes import portfolio_recipe
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import keep_holdout
from quant_platform.storage.models import model_ids
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import fetch

SESSIONS = [day.isoformat() for day in XNYS.sessions(date(2024, 1, 2), date(2024, 2, 16))]
LAST, NEXT, AFTER = "2024-02-16", "2024-02-20", "2024-02-21"
"""Monday 19 February was Washington's birthday."""


ZEROS = (
    *("cash", "receivables", "gross_exposure", "net_exposure", "turnover"),
    *("costs", "dividends", "interest", "borrow_fees"),
)


@pytest.fixture
def filled(database: Database) -> Database:
    """Portfolios and figures of every model over 33 sessions, and nothing else."""
    dates = pd.to_datetime(SESSIONS).astype("datetime64[s]")
    rng = np.random.default_rng(3)
    frames = []
    for model in model_ids(database).values():
        returns = rng.normal(0.001, 0.01, len(dates))
        frame = pd.DataFrame({"date": dates, "model_id": model, "daily_return": returns})
        frames.append(frame.assign(equity=1e6 * np.cumprod(1.0 + returns)))
    portfolios = pd.concat(frames, ignore_index=True).assign(
        highest_equity=2e6,
        weight_factor=1.0,
        **dict.fromkeys(ZEROS, 0.0),
        **dict.fromkeys(("trade_count", "signals_judged", "signals_hit", "limits_exceeded"), 0),
        ruined=False,
        halted=False,
    )
    figures = performance_rows(portfolios, 1, SESSIONS).assign(benchmark="first")
    for table, rows in (("portfolios", portfolios), ("model_performance", figures)):
        replace_sessions(database, read_table(database, table), rows, SESSIONS)
    return database


def test_without_yields_the_rate_is_that_of_the_settings(
    filled: Database, settings: Settings
) -> None:
    assert gather(settings, filled, LAST).risk_free == 0.0
    page = write_page(settings, filled, LAST).path.read_text(encoding="utf-8")
    assert "Risk-free rate: 0.00\u202f% a year, the same in every session." in page


def test_yields_known_by_the_session_are_the_rate(filled: Database, settings: Settings) -> None:
    """5 % bond-equivalent is 1.025² − 1; a yield known later, or not at all, changes nothing."""
    for known, observed, percent in (
        ("2024-01-04", "2024-01-03", 5.0),
        ("2024-01-05", "2024-01-04", None),
        ("2024-02-16", "2024-02-15", 4.0),
        ("2024-02-20", "2024-02-16", 9.0),
    ):
        fetch(
            filled,
            "INSERT INTO treasury_yields (date, observed_on, yield_3_month) VALUES (%s, %s, %s)",
            *(known, observed, percent),
        )
    rates = gather(settings, filled, LAST).risk_free
    assert isinstance(rates, pd.Series)
    expected = [0.0] * 2 + [0.050625] * (len(SESSIONS) - 3) + [0.0404]
    assert rates.to_numpy() == pytest.approx(expected, abs=1e-15)
    assert float(session_rate(rates.iloc[-1])) == pytest.approx(1.0404 ** (1 / 252) - 1)
    page = write_page(settings, filled, LAST).path.read_text(encoding="utf-8")
    assert "Treasury yield known in each session, 4.04\u202f% a year in this one" in page


def test_only_rows_of_the_session_that_the_report_follows_from_are_counted(
    filled: Database, settings: Settings
) -> None:
    """Rows of later sessions, and of tables written beside the page, change no byte of it."""
    before = write_page(settings, filled, LAST).path.read_bytes()
    assert gather(settings, filled, LAST).row_counts == {
        **dict.fromkeys(("market_data", "corporate_actions", "trading_universe", "features"), 0),
        # Four models; 33 sessions fill the window of 21 returns and that of the whole history.
        "signals": 0,
        "portfolios": 4,
        "model_performance": 8,
        "performance_statistics": 0,
        "factor_evaluation": 0,
        "alerts": 0,
    }
    fetch(
        filled,
        "INSERT INTO market_data (date, symbol, security_id, open_price, high_price, low_price,"
        " close_price, volume, source) VALUES (%s, 'A', 'A', 1, 1, 1, 1, 1, 'test')",
        NEXT,
    )
    fetch(
        filled,
        "INSERT INTO performance_reports"
        " (date, ranking, trends, alert_count, summary, score_formula)"
        " VALUES (%s, '[]', '[]', 0, '', '')",
        LAST,
    )
    assert write_page(settings, filled, LAST).path.read_bytes() == before


def test_what_the_figures_rest_on(filled: Database, settings: Settings) -> None:
    """The settings in force, and what the stored rows were computed with where that differs."""
    recorded = (
        "INSERT INTO computations (asset, date, recipe, run_id, read_at, changed_at)"
        " VALUES ('portfolios', %s, %s, 'x', now(), now())"
    )
    before = gather(settings, filled, LAST).assumptions
    assert before["Trading"].startswith("realistic: commission_bp=5 slippage_bp=5 size_at=previous")
    assert before["Limits"] == "none"
    assert before["Start capital"] == "1,000,000.00"
    fetch(filled, recorded, LAST, portfolio_recipe(settings))
    assert gather(settings, filled, LAST).assumptions == before
    dearer = settings.model_copy(update={"slippage_bp": 20.0})
    after = gather(dearer, filled, LAST).assumptions
    assert "slippage_bp=20" in after["Other settings"]
    assert portfolio_recipe(settings) in after["Other settings"]


def test_the_script_of_the_charts_is_written_once(filled: Database, settings: Settings) -> None:
    page = write_page(settings, filled, LAST).path
    (script,) = page.parent.glob("*.js")
    assert script.name in page.read_text(encoding="utf-8")
    assert page.stat().st_size < 500_000 < script.stat().st_size
    alone = write_page(settings, filled, LAST, single_file=True).path
    assert alone == page
    assert alone.stat().st_size > 4_000_000
    assert script.name not in alone.read_text(encoding="utf-8")


def stored_reports(database: Database, *sessions: str) -> None:
    """What the asset stores of some sessions."""
    for session in sessions:
        fetch(
            database,
            "INSERT INTO performance_reports"
            " (date, ranking, trends, alert_count, summary, score_formula) VALUES (%s, %s, '[]', 2,"
            " 'Said <then>.', '')",
            session,
            '[{"standing": "best", "model_name": "a & b"},'
            ' {"standing": "young", "model_name": "c"}]',
        )


def test_each_reader_has_a_file_and_the_index_names_them(
    filled: Database, settings: Settings
) -> None:
    """Written again, the pages and the index are the same bytes."""
    stored_reports(filled, "2024-02-15", LAST)
    written = [write_page(settings, filled, LAST).path]
    written += [
        write_page(settings, filled, LAST, reader=each).path for each in ("manager", "risk")
    ]
    assert [path.name for path in written] == [
        f"{LAST}.html",
        f"{LAST}-manager.html",
        f"{LAST}-risk.html",
    ]
    (written[0].parent / f"{LAST}-risk.pdf").write_bytes(b"%PDF")
    write_page(settings, filled, "2024-02-15")
    index = written[0].parent / "index.html"
    before = index.read_bytes()
    text = before.decode()
    links = re.findall(r'href="([^"]*)"', text)
    assert links == [
        *(f"{LAST}.html", f"{LAST}-manager.html", f"{LAST}-risk.html", f"{LAST}-risk.pdf"),
        *("2024-02-15.html", "factors/index.html"),
    ]
    assert "2 pages, 2024-02-15 to 2024-02-16" in text
    again = [write_page(settings, filled, LAST).path.read_bytes() for _ in range(2)]
    assert set(again) == {written[0].read_bytes()}
    write_page(settings, filled, "2024-02-15")
    assert index.read_bytes() == before
    # A PDF goes with the page that it was printed from.
    write_page(settings, filled, LAST, reader="risk")
    assert "pdf" not in index.read_text(encoding="utf-8")
    assert list(index.parent.glob("*.draft")) == []


def test_the_index_reads_what_other_sessions_say(filled: Database, settings: Settings) -> None:
    stored_reports(filled, "2024-02-15")
    write_page(settings, filled, "2024-02-15")
    index = write_page(settings, filled, LAST).path.parent / "index.html"
    text = index.read_text(encoding="utf-8")
    assert "a &amp; b</p>" in text
    assert "Said &lt;then&gt;." in text
    assert "2 alerts" in text
    assert not re.search(r"https?:", text)


def test_a_sealed_session_stays_sealed_in_pages_and_index(
    filled: Database, settings: Settings
) -> None:
    """What was written of it before is gone, the PDF included; the session before stays."""
    stored_reports(filled, "2024-02-15", LAST)
    for session in ("2024-02-15", LAST):
        write_page(settings, filled, session, reader="manager")
        path = write_page(settings, filled, session).path
        path.with_suffix(".pdf").write_bytes(b"%PDF")
    folder = path.parent
    assert keep_holdout(filled, LAST, "me") == date.fromisoformat(LAST)
    seal_pages(settings, filled, date.fromisoformat(LAST))
    index = (folder / "index.html").read_text(encoding="utf-8")
    # The link to the factors' pages leads somewhere, before any of them is written.
    assert 'href="factors/index.html"' in index
    assert "quant-platform factors" in (folder / "factors" / "index.html").read_text()
    sealed, other = index.partition('href="2024-02-15.html"')[::2]
    assert "sealed" in sealed
    assert "Said" not in sealed
    assert "pdf" not in sealed
    assert "Said &lt;then&gt;." in other
    assert {each.name for each in folder.glob("*.pdf")} == {"2024-02-15.pdf"}
    for name in (f"{LAST}.html", f"{LAST}-manager.html"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "unseal" in text
        assert "Sharpe" not in text
    page = write_page(settings, filled, LAST)
    assert page.pictures == {}
    assert "unseal" in page.path.read_text(encoding="utf-8")
    assert (folder / "index.html").read_text(encoding="utf-8") == index


def test_two_pages_written_at_once_are_both_in_the_index(
    filled: Database, settings: Settings
) -> None:
    with ThreadPoolExecutor(2) as pool:
        sessions = ["2024-02-15", LAST]
        paths = list(pool.map(lambda each: write_page(settings, filled, each).path, sessions))
    text = (paths[0].parent / "index.html").read_text(encoding="utf-8")
    for session in sessions:
        assert f'href="{session}.html"' in text


def test_key_plots_of_a_page(filled: Database, settings: Settings) -> None:
    pictures = write_page(settings, filled, LAST).pictures
    assert list(pictures) == ["growth of 1", "drawdown"]


def test_refused_rows_are_counted_by_reason(filled: Database, settings: Settings) -> None:
    for number, (day, table, reason) in enumerate(
        [
            *[(LAST, "market_data", "no ticker")] * 2,
            (LAST, "market_data", "breaks a rule"),
            (LAST, "corporate_actions", "no ticker"),
            ("2024-02-15", "market_data", "no ticker"),
            (None, "market_data", "no ticker"),
        ]
    ):
        fetch(
            filled,
            "INSERT INTO quarantine (table_name, date, reason, row)"
            " VALUES (%s, %s, %s, jsonb_build_object('row', %s))",
            *(table, day, reason, number),
        )
    refused = gather(settings, filled, LAST).refused
    assert refused.to_numpy().tolist() == [
        ["market_data", "no ticker", 2],
        ["corporate_actions", "no ticker", 1],
        ["market_data", "breaks a rule", 1],
    ]


def test_sessions_that_did_not_come(filled: Database, settings: Settings) -> None:
    """The last ten are from 5 to 16 February; the one that follows is waited for."""
    tenth = "2024-02-05"
    for day, status in (
        (AFTER, "pending"),
        (NEXT, "pending"),
        (LAST, "complete"),
        ("2024-02-15", "failed"),
        (tenth, "pending"),
        ("2024-02-02", "failed"),
    ):
        fetch(
            filled,
            "INSERT INTO ingestions (date, source, status, reason) VALUES (%s, 'v', %s, 'why')",
            *(day, status),
        )
    found = gather(settings, filled, LAST).outstanding
    assert found["date"].dt.strftime("%Y-%m-%d").tolist() == [NEXT, "2024-02-15", tenth]
    assert found["status"].tolist() == ["pending", "failed", "pending"]
    page = write_page(settings, filled, LAST).path.read_text(encoding="utf-8")
    assert "1 session failed" in page
    assert "2 sessions pending" in page


def test_verdicts_of_the_database(filled: Database, settings: Settings) -> None:
    fetch(
        filled,
        "INSERT INTO data_quality (date, check_name, table_name, passed, severity, failures,"
        " details) VALUES (%s, 'bad_prints', 'market_data', false, 'warn', 4,"
        """ '{"examples": ["IBM high 9.5"]}')""",
        LAST,
    )
    page = write_page(settings, filled, LAST).path.read_text(encoding="utf-8")
    assert "1 check warned" in page
    assert "<li>IBM high 9.5</li><li>and 3 more</li>" in page


def test_a_session_without_figures(filled: Database, settings: Settings) -> None:
    with pytest.raises(SessionError, match="no figures for 2024-02-20 yet"):
        gather(settings, filled, NEXT)
