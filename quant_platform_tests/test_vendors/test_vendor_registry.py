import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from quant_platform import vendors
from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.settings import Settings
from quant_platform.vendors.sample import SampleVendor
from quant_platform.vendors.vendor_registry import vendor_of

PACKAGE = '''
"""A vendor in a folder of its own, built from the settings."""

from datetime import date

from quant_platform.vendors.base import Vendor


class FolderVendor(Vendor):
    name = "folder"
    first_session = date(2003, 9, 10)
    last_session = None

    def __init__(self, capital):
        self.capital = capital

    @classmethod
    def from_settings(cls, settings):
        return cls(settings.capital)

    def is_published(self, session):
        return False

    def securities(self): ...

    def bars(self, first, last): ...

    def actions(self, first, last): ...
'''


@pytest.fixture
def folder_vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A vendor `folder` that is a package among the vendors, for one test."""
    package = tmp_path / "vendors" / "folder_vendor"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    (package / "parts.py").write_text("raise ImportError('only the package itself is imported')")
    monkeypatch.setattr(vendors, "__path__", [*vendors.__path__, str(package.parent)])
    yield
    sys.modules.pop("quant_platform.vendors.folder_vendor", None)


def settings(tmp_path: Path, **values: str) -> Settings:
    names = {f"QUANT_PLATFORM_{name.upper()}": text for name, text in values.items()}
    return Settings.load(names, tmp_path)


def test_finds_the_sample_vendor_once(tmp_path: Path) -> None:
    vendor = vendor_of(settings(tmp_path))
    assert isinstance(vendor, SampleVendor)
    assert vendor_of(settings(tmp_path)) is vendor
    assert vendor.first_session == date(2000, 3, 1)


@pytest.mark.parametrize("name", ["Sample", "bloomberg"])
def test_an_unknown_vendor_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"VENDOR can be: .*sample"):
        vendor_of(settings(tmp_path, vendor=name))


@pytest.mark.usefixtures("folder_vendor")
def test_a_folder_is_one_vendor_and_is_built_from_the_settings(tmp_path: Path) -> None:
    vendor = vendor_of(settings(tmp_path, vendor="folder", capital="5000"))
    assert vars(vendor) == {"capital": 5000.0}
    assert vendor_of(settings(tmp_path, vendor="folder", capital="6000")) is not vendor


@pytest.mark.usefixtures("folder_vendor")
@pytest.mark.parametrize("name", ["sample", "folder"])
def test_a_start_in_the_settings_is_the_first_session(tmp_path: Path, name: str) -> None:
    vendor = vendor_of(settings(tmp_path, vendor=name, start="2010-01-04"))
    assert vendor.first_session == date(2010, 1, 4)
    assert vendor_of(settings(tmp_path, vendor=name)).first_session < date(2004, 1, 1)
    assert SampleVendor.first_session == date(2000, 3, 1)


@pytest.mark.parametrize("start", ["2000-02-29", "2013-03-02", "2024-01-02"])
def test_a_start_outside_a_file_s_sessions_is_refused(tmp_path: Path, start: str) -> None:
    with pytest.raises(SettingsError, match=f"START is {start}, .* 2000-03-01 to 2013-03-01"):
        vendor_of(settings(tmp_path, start=start))
    assert vendor_of(settings(tmp_path, start="2013-03-01")).first_session == date(2013, 3, 1)


def test_finding_a_vendor_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = "boto3 botocore dagster httpx orjson pandas psycopg2 pyarrow sqlalchemy"
    program = (
        "import sys; from quant_platform.settings import Settings;"
        "from quant_platform.vendors.vendor_registry import vendor_of; vendor_of(Settings.load());"
        f"print(*set('{heavy}'.split()) & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
