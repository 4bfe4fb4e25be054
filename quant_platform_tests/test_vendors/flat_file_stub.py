"""Rows of a flat file, and what is read from them."""

from datetime import date

import pandas as pd

SESSION = date(2024, 1, 2)
MIDNIGHT = 1_704_171_600_000_000_000

HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


def text(*rows: str, header: str = HEADER) -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


def row(ticker: str, volume: str = "100", start: int | str = MIDNIGHT, close: str = "10.5") -> str:
    return f"{ticker},{volume},10,{close},11,9.5,{start},7"


def symbols(frame: pd.DataFrame) -> list[str]:
    return [str(symbol) for symbol in frame["symbol"]]
