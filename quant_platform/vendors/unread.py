"""Rows that a vendor's reader cannot use: they go with the others, each with its reason.

A frame that a vendor returns may have the columns `reason` (why the row cannot be used; missing for
one that can) and `sent` (the row as it came, as text). The platform puts such rows aside
(`market/admission.py`). So a reader leaves nothing out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LONGEST_SENT = 2_000
"""Characters of a row as it came that are kept."""


@dataclass(frozen=True)
class Unread:
    """A row that cannot be used.

    Attributes
    ----------
    sent : the row as it came
    reason : why it cannot be used
    day : day it is about; None: it does not say
    symbol : symbol it is about; None: it does not say
    """

    sent: object
    reason: str
    day: date | None = None
    symbol: str | None = None


def with_unread(frame: "pd.DataFrame", unread: Sequence[Unread]) -> "pd.DataFrame":
    """Add rows that cannot be used to those that can; without any, the frame is as it was."""
    if not unread:
        return frame
    import pandas as pd

    rows = {
        "date": pd.Series([row.day for row in unread], dtype="datetime64[s]"),
        "symbol": pd.Series([row.symbol for row in unread], dtype="str"),
        "reason": pd.Series([row.reason for row in unread], dtype="str"),
        "sent": pd.Series([_text(row.sent) for row in unread], dtype="str"),
    }
    if "symbol" not in frame.columns:
        del rows["symbol"]
    return pd.concat([frame, pd.DataFrame(rows)], ignore_index=True)


def _text(sent: object) -> str:
    text = sent if isinstance(sent, str) else json.dumps(sent, default=str)
    text = text if len(text) <= LONGEST_SENT else text[: LONGEST_SENT - 1] + "…"
    # Half a character is none that could be stored.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
