"""`doctor` names each dataset of the user's own: what it holds, or why it cannot be read."""

from pathlib import Path

import pytest

from quant_platform.cli import commands, console

GOOD = "date,known_at,symbol,days\n2008-07-01,2008-07-01T16:30:00-04:00,IBM,3\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Named by the setting; not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("QUANT_PLATFORM_OWN_DATA", str(tmp_path / "mine"))
    monkeypatch.setattr(console.out, "width", 1000)
    return tmp_path / "mine"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    commands.doctor()
    return " ".join(capsys.readouterr().out.split())


def test_a_folder_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    assert f"{folder} There is no such folder. Make it, or take QUANT_PLATFORM_OWN_DATA" in text


def test_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    (folder / "shorts.csv").write_text(GOOD + GOOD.splitlines()[1] + "\n")
    (folder / "broken.csv").write_text("date,days\n2008-07-01,3\n")
    (folder / "ratios.parquet").write_text("no such thing")
    text = said(capsys)
    assert "shorts 2 rows of days; 1 rows are refused" in text
    assert "broken.csv lacks the column 'known_at'" in text
    assert "ratios.parquet cannot be read" in text


def test_none_are_no_matter(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QUANT_PLATFORM_OWN_DATA")
    assert "Data of your own" not in said(capsys)


def test_what_a_stored_feature_reads(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.setattr(
        "quant_platform.pipeline.own_data.inputs_of", lambda features: {"own:shorts.days"}
    )
    text = said(capsys)
    assert "shorts No file, though something reads shorts.days. Put shorts.csv into" in text
