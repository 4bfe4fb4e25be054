"""The vendor `files`: text is text, and each faulty row names its file, line and column."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SettingsError, VendorError
from quant_platform.settings import Settings
from quant_platform.vendors.files import FilesVendor
from quant_platform.vendors.sample import SampleVendor
from quant_platform.vendors.vendor_registry import vendor_exchange, vendor_of

HEADER = "date,symbol,open,high,low,close,volume\n"
BAR = "10,11,9,10.5,100"
FIRST, LAST = date(2012, 1, 3), date(2012, 1, 31)


def vendor(folder: Path, **settings: str) -> FilesVendor:
    names = {f"QUANT_PLATFORM_FILES_{name.upper()}": text for name, text in settings.items()}
    loaded = Settings.load({"QUANT_PLATFORM_FILES_FOLDER": "market", **names}, folder)
    found = vendor_of(loaded)
    assert isinstance(found, FilesVendor)
    return found


@pytest.fixture
def market(tmp_path: Path) -> Path:
    folder = tmp_path / "market"
    folder.mkdir()
    return folder


def write(market: Path, text: str | bytes, name: str = "bars.csv") -> Path:
    path = market / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def bars(market: Path, **settings: str) -> pd.DataFrame:
    return vendor(market.parent, **settings).bars(FIRST, LAST)


@pytest.mark.parametrize("symbol", ["NA", "NULL", "nan", "None", "TRUE", "007", "1e5", "N/A"])
def test_text_is_text(market: Path, symbol: str) -> None:
    write(market, f"{HEADER}2012-01-03,{symbol},{BAR}\n")
    (row,) = bars(market).to_dict("records")
    assert row["symbol"] == symbol
    assert row["reason"] == ""
    assert row["source"] == "files bars.csv"
    assert (row["open_price"], row["close_price"], row["volume"]) == (10.0, 10.5, 100.0)
    assert vendor(market.parent).securities()["symbol"].tolist() == [symbol]


@pytest.mark.parametrize(
    ("written", "settings", "day"),
    [
        ("2012-01-03", {}, "2012-01-03"),
        ("20120103", {}, "2012-01-03"),
        ("2012-01-03 16:00", {}, "2012-01-03"),
        ("2012-01-03T00:00:00-05:00", {}, "2012-01-03"),
        ("2012-01-03T21:00:00Z", {}, "2012-01-03"),
        # Midnight of Greenwich is the evening before in New York, and the vendor's own day there.
        ("2012-01-04T00:00:00Z", {}, "2012-01-03"),
        ("2012-01-04T00:00:00+00:00", {"time_zone": "UTC"}, "2012-01-04"),
        ("2012-01-03T23:30:00-05:00", {"time_zone": "Asia/Tokyo"}, "2012-01-04"),
    ],
)
def test_days(market: Path, written: str, settings: dict[str, str], day: str) -> None:
    write(market, f"{HEADER}{written},A,{BAR}\n")
    assert bars(market, **settings)["date"].astype(str).tolist() == [day]


def test_every_faulty_row_names_file_line_and_column(market: Path) -> None:
    lines = [
        f"2012-01-03,A,{BAR}",
        "",
        "2012-01-04,A,10,11,9,x1,100",
        f"03/01/2012,A,{BAR}",
        f"2012-01-05,A,{BAR}",
        "2012-01-05,B,10",
        '2012-01-06,"two\nlines",10,11,9,10.5,100',
        "2012-01-09,A,10,11,9,10.5,inf",
        *(f"2012-01-{day},A,{BAR}" for day in range(10, 14)),
    ]
    write(market, HEADER + "\n".join(lines) + "\n")
    frame = bars(market)
    faulty = frame[frame["reason"] != ""]
    assert faulty["reason"].tolist() == [
        "bars.csv, line 7: another number of columns than the first line",
        "bars.csv, line 4, close: 'x1' is no number",
        "bars.csv, line 5, date: '03/01/2012' is no ISO date such as 2012-01-31",
        "bars.csv, line 10, volume: 'inf' is no number",
    ]
    # One without a day of its own comes with the row before it.
    assert len(vendor(market.parent).bars(date(2012, 1, 4), date(2012, 1, 4))) == 2
    assert len(frame) == 11
    assert "'date': '03/01/2012'" in faulty["sent"].iloc[2]


def test_a_file_of_another_kind_is_refused_as_a_whole(market: Path) -> None:
    write(market, HEADER + f"01/31/2012,A,{BAR}\n" * 3)
    with pytest.raises(VendorError) as caught:
        bars(market)
    assert "bars.csv, line 2, date: '01/31/2012' is no ISO date" in caught.value.message
    assert "QUANT_PLATFORM_FILES_TIME_ZONE" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"date,symbol,open\n", "has no column for high_price; it has: 'date', 'symbol', 'open'"),
        (b"date,date,x\n", "has the column 'date' twice"),
        (HEADER.encode() + b"2012-01-03,\xff,1,1,1,1,1\n", "line 2: the text is not UTF-8"),
        (b"date,open,high,low,close,volume\n2012-01-03,1,1,1,1,1\n", "no column for symbol"),
        (HEADER.encode(), "have no row"),
    ],
)
def test_a_file_that_cannot_be_used(market: Path, content: bytes, said: str) -> None:
    write(market, content)
    with pytest.raises(VendorError) as caught:
        vendor(market.parent).first_session  # noqa: B018 — it reads the files
    assert said in caught.value.message
    assert caught.value.hint


def test_no_folder_and_no_file(tmp_path: Path, market: Path) -> None:
    with pytest.raises(VendorError, match="There are no bars in"):
        bars(market)
    market.rmdir()
    with pytest.raises(VendorError, match="There is no folder"):
        bars(market)


def test_columns_by_their_usual_names_or_by_the_settings(market: Path) -> None:
    write(
        market,
        "Timestamp;Code;Open;High;Low;Last;Vol;Adj Close;note\n2012-01-03;A;1;3;0.5;2;7;1.5;x\n",
    )
    (row,) = bars(market, columns="Last=close_price").to_dict("records")
    values = ("close_price", "volume", "vendor_adjusted_close", "symbol")
    assert [row[name] for name in values] == [2.0, 7.0, 1.5, "A"]
    with pytest.raises(SettingsError, match="QUANT_PLATFORM_FILES_COLUMNS is 'Last'"):
        vendor(market.parent, columns="Last")


def test_a_file_for_each_symbol(market: Path) -> None:
    header = HEADER.replace("symbol,", "")
    write(market, f"{header}2012-01-03,{BAR}\n", "bars/BRK.B.csv")
    write(market, gzip.compress(f"{header}2012-01-04,{BAR}\n".encode()), "bars/NA.csv.gz")
    frame = bars(market)
    assert frame["symbol"].tolist() == ["BRK.B", "NA"]


def test_files_that_change_are_read_again(market: Path) -> None:
    write(market, f"{HEADER}2012-01-03,A,{BAR}\n")
    found = vendor(market.parent)
    assert not found.is_published(date(2012, 1, 4))
    write(market, f"{HEADER}2012-01-03,A,{BAR}\n2012-01-04,A,{BAR}\n")
    assert found.is_published(date(2012, 1, 4))
    assert found.first_session == FIRST


def test_csv_and_parquet_hold_the_sample_market(market: Path) -> None:
    sample = SampleVendor()
    days = (date(2000, 5, 1), date(2000, 8, 31))
    for name, frame in (("bars", sample.bars(*days)), ("actions", sample.actions(*days))):
        frame.to_csv(market / f"{name}.csv", index=False)
    from_csv = vendor(market.parent)
    for method in ("bars", "actions"):
        theirs = getattr(sample, method)(*days).astype({"date": "datetime64[s]"})
        ours = getattr(from_csv, method)(*days)
        shared = [name for name in theirs.columns if name != "source"]
        key = ["date", "symbol"]
        pd.testing.assert_frame_equal(
            ours[shared].sort_values(key, ignore_index=True),
            theirs[shared].sort_values(key, ignore_index=True),
        )
    as_parquet = market.parent / "columns" / "market"
    as_parquet.mkdir(parents=True)
    (as_parquet.parent / ".env").touch()
    sample.bars(*days).to_parquet(as_parquet / "bars.parquet")
    typed = vendor(as_parquet.parent).bars(*days)
    pd.testing.assert_frame_equal(
        typed.drop(columns="source"), from_csv.bars(*days).drop(columns="source")
    )
    assert vendor(as_parquet.parent).actions(*days).empty


def test_reference_from_a_file(market: Path) -> None:
    write(market, f"{HEADER}2012-01-03,A,{BAR}\n2012-01-04,B,{BAR}\n")
    write(
        market,
        "symbol,name,sector,listing_date\nA,Alpha,Tools,1999-11-18\nB,Beta,,\n",
        "securities.csv",
    )
    rows = vendor(market.parent).securities()
    assert rows["company_name"].tolist() == ["Alpha", "Beta"]
    assert rows["listing_date"].astype(str).tolist() == ["1999-11-18", "2012-01-04"]
    assert rows["sector"].isna().tolist() == [False, True]


def test_settings(market: Path) -> None:
    found = vendor(market.parent, exchange="XLON", last="2012-01-31")
    assert found.exchange == "XLON"
    assert found.last_session == LAST
    names = {"QUANT_PLATFORM_FILES_FOLDER": "market", "QUANT_PLATFORM_FILES_EXCHANGE": "XLON"}
    assert vendor_exchange(Settings.load(names, market.parent)) == "XLON"
    with pytest.raises(SettingsError, match="QUANT_PLATFORM_FILES_TIME_ZONE"):
        vendor(market.parent, time_zone="Mars")


def test_what_it_reads_is_told(market: Path) -> None:
    write(market, f"{HEADER}2012-01-03,A,{BAR}\n2012-01-04,A,x,11,9,10,1\n2012-01-05,A,{BAR}\n")
    told = {finding.what: finding for finding in vendor(market.parent).diagnose().findings}
    assert told["bars"].granted == "3 rows, 2012-01-03 to 2012-01-05"
    assert told["bars"].reason == "1 cannot be used: bars.csv, line 3, open: 'x' is no number"
    assert told["actions"].granted == "none"


def test_numbers_are_those_of_python(market: Path) -> None:
    written = ["1", " 2.5", "1e3", "0.1", "123456789.123456", "-3"]
    rows = "".join(f"2012-01-03,S{i},{text},1,1,1,1\n" for i, text in enumerate(written))
    write(market, HEADER + rows)
    assert np.array_equal(bars(market)["open_price"], [float(text) for text in written])
