"""The user's own data as an array: which row stands in a session, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.features.extras import OwnInput
from quant_platform.features.feature_registry import feature
from quant_platform.features.feature_set import FeatureDefinitionError
from quant_platform.features.own_values import own_values
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import sessions_of

DAYS = sessions_of(8)
NAN = np.nan


def rows(*given: tuple[int, str, int, int, float]) -> pd.DataFrame:
    """Rows of (session, security, day observed, order in which they became known, value)."""
    frame = pd.DataFrame(given, columns=["at", "security_id", "observed", "known", "value"])
    return frame.assign(
        date=DAYS[frame["at"].to_numpy()].astype("datetime64[s]"),
        dataset="crowd",
        field="mood",
        observed_on=pd.Timestamp("2000-01-01") + pd.to_timedelta(frame["observed"], "D"),
        known_at=pd.Timestamp("2000-06-01", tz="UTC") + pd.to_timedelta(frame["known"], "h"),
    )


def held(frame: pd.DataFrame, sessions: int, start: int = 0) -> list[list[float]]:
    panel = Panel(DAYS[start:], ("A", "B"))
    source = OwnInput("crowd.mood", "crowd", "mood", sessions)
    first = max(start - sessions + 1, 0)
    days = [str(day) for day in DAYS[first:]]
    return own_values(frame[frame["date"] >= days[0]], source, days, panel).T.tolist()


def test_a_value_holds_until_the_next_and_not_longer_than_stated() -> None:
    frame = rows((1, "A", 1, 1, 10.0), (2, "A", 2, 2, 20.0), (6, "B", 3, 3, 30.0))
    first, second = held(frame, 3)
    np.testing.assert_array_equal(first, [NAN, 10.0, 20.0, 20.0, 20.0, NAN, NAN, NAN])
    np.testing.assert_array_equal(second, [NAN] * 6 + [30.0, 30.0])


def test_a_revision_counts_from_its_session_on_and_a_late_figure_does_not() -> None:
    frame = rows(
        (1, "A", 5, 1, 10.0),
        (3, "A", 5, 2, 11.0),  # a revision of the same day
        (4, "A", 4, 3, 90.0),  # of an earlier day: the newer one stands, as long as it holds
    )
    np.testing.assert_array_equal(
        held(frame, 4)[0], [NAN, 10.0, 10.0, 11.0, 11.0, 11.0, 11.0, 90.0]
    )


def test_two_of_one_session() -> None:
    frame = rows((2, "A", 1, 2, 12.0), (2, "A", 1, 1, 11.0), (2, "A", 0, 3, 90.0))
    assert held(frame, 2)[0][2] == 12.0


def test_the_markets_values_are_everybodys() -> None:
    frame = rows((1, "", 1, 1, 1.0), (3, "B", 1, 1, 5.0))
    first, second = held(frame, 9)
    np.testing.assert_array_equal(first, [NAN] + [1.0] * 7)
    np.testing.assert_array_equal(second, [NAN, 1.0, 1.0] + [5.0] * 5)


def test_no_value_depends_on_where_the_panel_begins() -> None:
    random = np.random.default_rng(7)
    given = [
        (int(at), "AB"[order % 2], int(random.integers(0, 6)), order, float(order))
        for order, at in enumerate(random.integers(0, 8, 30))
    ]
    frame = rows(*given)
    for sessions in (1, 2, 3, 5):
        whole = np.array(held(frame, sessions))
        for start in range(1, 8):
            np.testing.assert_array_equal(held(frame, sessions, start), whole[:, start:])


@pytest.mark.parametrize(
    "name", ["own:mood", "own:Crowd.mood", "own:crowd.mood@0", "own:crowd.", "foe:a.b"]
)
def test_an_input_that_is_none(name: str) -> None:
    with pytest.raises(FeatureDefinitionError, match=r"own:DATASET\.FIELD@SESSIONS"):
        feature(lookback=1, inputs=(name,), name="strange")(test_an_input_that_is_none)  # type: ignore[arg-type]
