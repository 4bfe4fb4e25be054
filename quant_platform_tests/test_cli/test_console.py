"""Tables on screens of any width, and progress where there is no screen."""

import re
from collections.abc import Sequence

import pytest
from rich.console import Console

from quant_platform.cli import console
from quant_platform.cli.interrupts import Interrupts
from quant_platform.cli.progress import AssetProgress, Lines, SessionProgress

HEADERS = ["rank", "model", "max drawdown"]
ROWS = [("1", "enhanced_momentum (benchmark)", "-12.5%"), ("2", "mean_reversion", "-8.0%")]


def printed(
    monkeypatch: pytest.MonkeyPatch, width: int, rows: Sequence[tuple[str, ...]]
) -> list[str]:
    screen = Console(width=width, highlight=False, record=True, force_terminal=False)
    monkeypatch.setattr(console, "out", screen)
    console.table("Ranking", HEADERS, rows)
    return [line.rstrip() for line in screen.export_text().splitlines()]


def test_a_table_that_fits_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 60, ROWS)
    assert len(lines) == 1 + 1 + 2
    assert lines[-1].split() == ["2", "mean_reversion", "-8.0%"]


def test_a_narrow_screen_breaks_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 40, ROWS)
    assert "  model         enhanced_momentum (benchmark)" in lines
    assert "  max drawdown  -8.0%" in lines


def test_sentences_in_the_last_column_are_wrapped_between_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sentence = "what it is in several words that need more than one line"
    lines = printed(monkeypatch, 60, [("1", "momentum", sentence)])
    assert lines[2].startswith("   1  momentum  what it is")
    assert " ".join(lines[2:]).split()[2:] == sentence.split(" ")


def test_lines_for_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with AssetProgress(Interrupts()) as progress:
        progress.expect(2)
        progress.sessions("market_data", 21, 105)
        progress.asset("market_data")
        progress.asset("features")
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines] == [
        "market_data done, 1 of 2 assets",
        "features done, 2 of 2 assets",
    ]


def test_a_line_after_each_interval(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines("sessions", seconds=0.001) as lines:
        lines.show(1430, 2844, "market_data")
        said = ""
        # A line may have been begun before it was told what to say.
        while said.count("1,430 of 2,844 sessions; market_data") < 2:
            said += capsys.readouterr().err


def test_sessions_count_bars_only(capsys: pytest.CaptureFixture[str]) -> None:
    with SessionProgress(30, lambda: 4, Interrupts()) as progress:
        progress.sessions("market_data", 10, 50)
        progress.sessions("features", 10, 40)
        progress.sessions("market_data", 5, 25)
        progress.asset("market_data")
    assert (progress.done, progress.rows) == (15, 75)
    assert "market_data done after" in capsys.readouterr().err
