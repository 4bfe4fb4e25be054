"""Files of the user's own data: which session a row counts in, and which rows are refused."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import VendorError
from quant_platform.market.calendar import XNYS
from quant_platform.market.own_data import read_dataset, rows_of
from quant_platform.vendors.files.tables import read_table

NOW = datetime(2004, 12, 20, 12, tzinfo=UTC)


def read(
    path: Path, text: str, first: str = "2004-11-24", last: str = "2004-11-30"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows and refused rows of a file, in sessions around Thanksgiving (25 November 2004)."""
    path.write_text(text)
    dataset = read_dataset(path.name.partition(".")[0], read_table(path), XNYS, NOW)
    sessions = XNYS.sessions(date.fromisoformat(first), date.fromisoformat(last))
    return rows_of(dataset, sessions, XNYS)


@pytest.mark.parametrize(
    ("known_at", "session"),
    [
        # The exchange closed at 16:00 in New York (UTC−5) on 24 November, and at 13:00 on the 26th.
        ("2004-11-24T21:00:00Z", "2004-11-24"),
        ("2004-11-24T16:00:00.000001-05:00", "2004-11-26"),
        ("2004-11-26T18:00:00+00:00", "2004-11-26"),
        ("2004-11-26T18:00:01Z", "2004-11-29"),
        ("2004-11-27T03:00:00+09:00", "2004-11-26"),
        ("2004-11-28T12:00:00Z", "2004-11-29"),
    ],
)
def test_a_value_counts_in_the_first_session_that_closes_no_earlier(
    tmp_path: Path, known_at: str, session: str
) -> None:
    rows, refused = read(tmp_path / "mood.csv", f"date,known_at,level\n2004-11-23,{known_at},1.5\n")
    assert refused.empty
    assert rows[["field", "symbol", "value"]].to_numpy().tolist() == [["level", "", 1.5]]
    assert rows["date"].astype(str).tolist() == [session]


def test_every_row_is_of_one_cut(tmp_path: Path) -> None:
    text = "date,known_at,level\n" + "".join(
        f"2004-11-22,2004-11-{day}T15:00:00Z,{day}\n" for day in range(22, 31)
    )
    whole, _ = read(tmp_path / "mood.csv", text, "2004-11-22", "2004-11-30")
    days = XNYS.sessions(date(2004, 11, 22), date(2004, 11, 30))
    cut = [read(tmp_path / "mood.csv", text, str(day), str(day))[0] for day in days]
    assert len(whole) == 9
    pd.testing.assert_frame_equal(pd.concat(cut, ignore_index=True), whole)


KNOWN = "2004-11-24T15:00:00Z"

ROWS = f"""date,known_at,symbol,days,ratio
2004-11-15,{KNOWN},AAPL,3,0.5
2004-11-15,{KNOWN},MSFT,,0.25
2004-11-15,{KNOWN},IBM,2,n/a
2004-11-15,2004-11-24 10:00:00,GOOG,1,0.1
2004-11-25,{KNOWN},GOOG,1,0.1
2004-11-15,{KNOWN},AAPL,4,0.75
2004-11-15,2005-01-03T00:00:00Z,GOOG,1,0.1
2004-11-15,{KNOWN}, ,1,0.1
soon,{KNOWN},GOOG,1,0.1
2004-11-15,{KNOWN},GOOG
2004-11-15,{KNOWN},GOOG,1,inf
"""


def test_what_is_refused_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    rows, refused = read(tmp_path / "short_interest.csv", ROWS, "2004-11-15")
    values = {(row.symbol, row.field): row.value for row in rows.itertuples()}
    assert values == {
        ("AAPL", "days"): 3.0,
        ("AAPL", "ratio"): 0.5,
        ("MSFT", "ratio"): 0.25,
        ("IBM", "days"): 2.0,
        ("GOOG", "days"): 1.0,
    }
    refused.index = pd.Index(refused["place"].str.rpartition(" ")[2].astype(int))
    found = refused["reason"].to_dict()
    texts = {
        4: "ratio: 'n/a' is no number",
        5: "known_at: '2004-11-24 10:00:00' is a time without a zone",
        6: "known_at lies before date",
        7: "a row of the same date, symbol and known_at came before",
        8: "known_at lies in the future",
        9: "symbol is missing",
        10: "date: 'soon' is no ISO date",
        11: "another number of columns",
        12: "ratio: 'inf' is no number",
    }
    assert found.keys() == texts.keys()
    for line, text in texts.items():
        assert found[line].startswith(f"short_interest.csv, line {line}, {text}"), found[line]
    assert set(refused["dataset"]) == {"short_interest"}
    assert refused["sent"].str.contains("2004-11|soon").all()
    days = refused["date"].to_dict()
    # A moment still to come says no day that has come: the row's own date does.
    assert days.pop(8) == "2004-11-15"
    assert set(days.values()) == {"2004-11-24"}


def test_refused_rows_are_of_their_session_alone(tmp_path: Path) -> None:
    for first, count in (("2004-11-16", 8), ("2004-11-26", 0)):
        _, refused = read(tmp_path / "short_interest.csv", ROWS, first)
        assert len(refused) == count


def test_parquet_has_its_own_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "date": [date(2004, 11, 15)] * 2,
            "known_at": pd.to_datetime(["2004-11-24 15:00", "2004-11-26 19:00"], utc=True),
            "level": [1, 2],
        }
    )
    path = tmp_path / "mood.parquet"
    frame.to_parquet(path)
    sessions = XNYS.sessions(date(2004, 11, 24), date(2004, 11, 29))
    rows, _ = rows_of(read_dataset("mood", read_table(path), XNYS, NOW), sessions, XNYS)
    assert rows["date"].astype(str).tolist() == ["2004-11-24", "2004-11-29"]
    assert rows["value"].tolist() == [1.0, 2.0]
    # Categories are their texts; a whole column may be empty; what has no end is no number.
    odd = frame.assign(level=[np.inf, 2.0], empty=None, symbol=pd.Categorical(["AAPL", "IBM"]))
    odd.to_parquet(path)
    rows, refused = rows_of(read_dataset("mood", read_table(path), XNYS, NOW), sessions, XNYS)
    assert rows["symbol"].tolist() == ["IBM"]
    assert refused["reason"].tolist() == ["mood.parquet, row 1, level: a number without end"]
    frame.assign(level=pd.Series([[1], [2]], dtype=object)).to_parquet(path)
    with pytest.raises(VendorError, match="has a column 'level', which holds no numbers"):
        read_dataset("mood", read_table(path), XNYS, NOW)
    frame.assign(known_at=frame["known_at"].dt.tz_localize(None)).to_parquet(path)
    with pytest.raises(VendorError, match=r"mood\.parquet, row 1, known_at: .* without a zone"):
        read_dataset("mood", read_table(path), XNYS, NOW)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("mood", "date,level\n", "lacks the column 'known_at'"),
        ("mood", "date,known_at,symbol\n", "has no column of values"),
        ("mood", "date,known_at,Level\n", "has a column 'Level', which is no name"),
        ("mood", "date,known_at,level,level\n", "has a column twice"),
        ("my-mood", "date,known_at,level\n", "gives the dataset the name 'my-mood'"),
        (
            "mood",
            "date,known_at,level\n2004-11-15,2004-11-24,1\n",
            r"No row of .* line 2, known_at",
        ),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(VendorError, match=problem):
        read(tmp_path / f"{name}.csv", text)


def test_a_file_without_rows(tmp_path: Path) -> None:
    rows, refused = read(tmp_path / "mood.csv", "date,known_at,level\n")
    assert rows.empty
    assert refused.empty
