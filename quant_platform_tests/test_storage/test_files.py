"""A file is replaced whole, and a failure leaves the old one."""

from pathlib import Path

import pytest

from quant_platform.errors import SettingsError
from quant_platform.storage.files import replace_file


def test_a_reader_sees_the_old_content_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "dagster.yaml"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new and longer")
        # Written in place, the open file would hold the new content.
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dagster.yaml"
    replace_file(path, b"old")

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_no_draft_is_left_where_the_file_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("Operation not permitted")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OSError, match="not permitted"):
        replace_file(tmp_path / "page.html", b"new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "is a folder"), ("missing/page.html", "There is no folder"), (None, "names no file")],
)
def test_what_no_file_can_be_called_is_said_in_a_line(
    tmp_path: Path, name: str | None, said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as failure:
        replace_file(Path() if name is None else tmp_path / name, b"new")
    assert failure.value.hint
    assert not list(tmp_path.iterdir())
