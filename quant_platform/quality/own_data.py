"""Checks of the user's own data: rows that were refused, and datasets that fell silent.

What does not belong here: which rows are refused, and why (`market/own_data.py`).
"""

import numpy as np
import pandas as pd

from quant_platform.quality.check import WARN, CheckContext, QualityCheck, description_of
from quant_platform.quality.quarantine import refused_check
from quant_platform.quality.verdict import Findings, failures
from quant_platform.storage import bulk

OWN_DATA = "own_data"

UPDATES = 20
"""Newest sessions with a value whose pauses are looked at."""

FEW = "no dataset has had three sessions with a value"


def own_data_silence(context: CheckContext, threshold: float) -> Findings:
    """No dataset has been silent for longer than this many times its longest pause.

    Of the newest session, and of the 20 newest sessions in which values became known. Not judged: a
    dataset with fewer than three of them.
    """
    newest = context.sessions[-1]
    rows = bulk.query(
        context.platform.database,
        "SELECT DISTINCT dataset, date FROM own_data WHERE date <= $1::text::date ORDER BY 1, 2",
        (newest,),
    )
    silent, judged = [], False
    for name, of_dataset in rows.groupby("dataset"):
        days = of_dataset["date"].to_numpy().astype("datetime64[D]")[-UPDATES:]
        if len(days) < 3:
            continue
        judged = True
        until = pd.Timestamp(newest).date()
        every = np.asarray(context.platform.calendar.sessions(days[0].item(), until))
        places = np.searchsorted(every.astype("datetime64[D]"), days)
        longest, since = int(np.diff(places).max()), len(every) - 1 - int(places[-1])
        if since > threshold * longest:
            silent.append(
                f"{name}: no value for {since} sessions, since {days[-1]};"
                f" the longest pause before was of {longest}"
            )
    found = failures([newest] * len(silent), silent)
    return context.judged_on([newest] if judged else [], found, FEW)


OWN_DATA_CHECKS = (
    refused_check(OWN_DATA),
    QualityCheck(
        "own_data_silence",
        OWN_DATA,
        OWN_DATA,
        WARN,
        description_of(own_data_silence),
        own_data_silence,
        threshold=2.0,
        of_newest=True,
    ),
)
"""Where there is data of the user's own."""
