"""Cross-sections of a panel: by hand, against pandas and SciPy, and however the panel is cut."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from quant_platform.errors import ContractError, UnknownNameError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import LONGEST_PERIOD, XNYS, Calendar
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import bits

NAN = np.nan
DAYS = np.array(
    ["2011-01-28", "2011-01-31", "2011-02-01", "2011-02-02", "2011-03-01"], dtype="datetime64[D]"
)
FOUR = ("A", "B", "C", "D")
SINCE_2009 = np.asarray(
    XNYS.sessions(pd.Timestamp("2009-12-15").date(), pd.Timestamp("2011-03-15").date()),
    dtype="datetime64[D]",
)


def by_hand(values: Sequence[Sequence[float]], absent: tuple[tuple[int, int], ...] = ()) -> Panel:
    """Panel of four securities whose feature `x` is `values`; no member in the cells `absent`."""
    x = np.asarray(values, dtype=float)
    member = np.ones(x.shape, dtype=bool)
    for cell in absent:
        member[cell] = False
    sectors = np.tile(np.array([0, 0, 1, -1], dtype=np.int32), (len(x), 1))
    return Panel(
        DAYS[: len(x)],
        FOUR,
        close=np.full(x.shape, 10.0),
        member=member,
        sectors=sectors,
        sector_names=("Energy", "Health"),
        features={"x": x},
    )


def random_panel(seed: int, securities: int = 23) -> Panel:
    """Values with ties, infinities, missing bars, members that come and go, and sectors."""
    rng = np.random.default_rng(seed)
    shape = (len(SINCE_2009), securities)
    x = np.round(rng.normal(0.0, 1.0, shape), 1)
    x[rng.random(shape) < 0.05] = NAN
    x[rng.random(shape) < 0.01] = np.inf
    close = np.where(rng.random(shape) < 0.1, NAN, 10.0)
    return Panel(
        SINCE_2009,
        tuple(f"S{number:02d}" for number in range(securities)),
        close=close,
        member=rng.random(shape) < 0.8,
        sectors=rng.integers(-1, 4, shape).astype(np.int32),
        features={"x": x, "y": rng.normal(0.0, 1.0, shape)},
    )


def known(panel: Panel) -> pd.DataFrame:
    """The values that count, as pandas has them."""
    x = panel["x"]
    return pd.DataFrame(np.where(panel.member & panel.traded & np.isfinite(x), x, NAN))


def test_the_best_two_are_held_until_the_next_month() -> None:
    values: list[list[float]] = [
        [9, 8, 7, 6],
        [9, 8, 7, 6],
        [1, 4, 4, 4],
        [9, 8, 7, 6],
        [NAN, 1, NAN, NAN],
    ]
    panel = by_hand(values, absent=((2, 1),))
    # Nothing before the first session of February; then C and D, since B is no member and both are
    # better than A; in March B alone is known.
    expected = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0, 1, 0, 0]]
    np.testing.assert_array_equal(panel.top(panel["x"], n=2), expected)


def test_of_equal_values_the_first_security_is_chosen() -> None:
    panel = by_hand([[1, 2, 2, 2]])
    np.testing.assert_array_equal(panel.top(panel["x"], 2, every="session"), [[0, 0.5, 0.5, 0]])
    np.testing.assert_array_equal(panel.rank(panel["x"], ties="first"), [[0.25, 0.5, 0.75, 1.0]])
    np.testing.assert_array_equal(panel.rank(panel["x"]), [[0.25, 0.75, 0.75, 0.75]])


def test_a_security_without_a_bar_is_not_chosen() -> None:
    panel = random_panel(3)
    weights = panel.top(panel["y"], 5, every="session")
    assert not weights[~panel.traded | ~panel.member].any()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (np.count_nonzero(weights, axis=1) == 5).all()


def test_sectors_are_neutralised_by_hand() -> None:
    panel = by_hand([[1, 3, 5, 7], [1, 3, 5, 7]], absent=((1, 0),))
    # Energy is A and B, Health is C alone, D has none.
    expected = [[-1, 1, 0, NAN], [NAN, 0, 0, NAN]]
    np.testing.assert_array_equal(panel.neutralize(panel["x"]), expected)
    groups = np.array([[0, 1, 0, 1]] * 2)
    np.testing.assert_array_equal(
        panel.neutralize(panel["x"], by=groups), [[-2, -2, 2, 2], [NAN, -2, 0, 2]]
    )


def test_scores_and_clips_by_hand() -> None:
    panel = by_hand([[2, 4, 4, 6], [5, 5, 5, 5]])
    # Mean 4, deviation √2.
    np.testing.assert_allclose(
        panel.zscore(panel["x"]), [[-np.sqrt(2), 0, 0, np.sqrt(2)], [NAN] * 4]
    )
    np.testing.assert_allclose(panel.winsorize(panel["x"], 0.25, 0.75)[0], [3.5, 4, 4, 4.5])


def test_pandas_ranks_alike() -> None:
    panel = random_panel(1)
    for ours, theirs in (("average", "average"), ("first", "first")):
        expected = known(panel).rank(axis=1, pct=True, method=theirs).to_numpy()  # type: ignore[arg-type]
        got = panel.rank(panel["x"], ties=ours)  # type: ignore[arg-type]
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_scipy_scores_alike() -> None:
    panel = random_panel(2)
    expected = stats.zscore(known(panel).to_numpy(), axis=1, nan_policy="omit")
    np.testing.assert_allclose(panel.zscore(panel["x"]), expected, atol=1e-12)


def test_pandas_clips_at_the_same_quantiles() -> None:
    panel = random_panel(4)
    values = known(panel)
    low, high = values.quantile(0.1, axis=1), values.quantile(0.85, axis=1)
    expected = values.clip(low, high, axis=0).to_numpy()
    np.testing.assert_allclose(panel.winsorize(panel["x"], 0.1, 0.85), expected, rtol=1e-13)


def test_pandas_takes_the_same_means_of_sectors() -> None:
    panel = random_panel(5)
    rows = panel.frame(
        {"x": panel["x"], "sector": panel.sectors}, where=known(panel).notna().to_numpy()
    )
    rows = rows[rows["sector"] >= 0]
    expected = rows["x"] - rows.groupby(["date", "sector"])["x"].transform("mean")
    got = panel.neutralize(panel["x"])
    np.testing.assert_allclose(got[~np.isnan(got)], expected, atol=1e-14)


@pytest.mark.parametrize(
    ("period", "alias"), [("week", "W-SUN"), ("month", "M"), ("quarter", "Q"), ("year", "Y")]
)
def test_pandas_begins_periods_alike(period: str, alias: str) -> None:
    sessions = pd.DatetimeIndex(SINCE_2009)
    firsts = pd.Series(sessions, sessions).groupby(sessions.to_period(alias)).first()
    panel = random_panel(0)
    got = panel.sessions[panel.every(period)]
    # The panel begins within a period of each kind, in whose first session it is not.
    np.testing.assert_array_equal(got, firsts.to_numpy()[1:].astype("datetime64[D]"))


@pytest.mark.parametrize("exchange", ["XNYS", "XETR", "XTKS"])
def test_no_period_is_longer_than_said(exchange: str) -> None:
    calendar = Calendar(exchange)
    sessions = np.asarray(calendar.sessions(calendar.first, calendar.last), dtype="datetime64[D]")
    for period, longest in LONGEST_PERIOD.items():
        firsts = np.flatnonzero(calendar.begins(sessions, period))
        assert firsts[0] == 0
        assert np.diff(firsts).max() <= longest


FUNCTIONS: dict[str, Callable[[Panel], FloatArray]] = {
    "rank": lambda panel: panel.rank(panel["x"]),
    "rank by security": lambda panel: panel.rank(panel["x"], ties="first"),
    "zscore": lambda panel: panel.zscore(panel["y"]),
    "winsorize": lambda panel: panel.winsorize(panel["y"], 0.05, 0.9),
    "neutralize": lambda panel: panel.neutralize(panel["y"]),
    "top of each week": lambda panel: panel.top(panel["x"], 4, every="week"),
    "top of each month": lambda panel: panel.top(panel["x"], 4),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 5), start=st.integers(0, 250), length=st.integers(1, 60))
def test_values_do_not_depend_on_where_the_panel_is_cut(
    name: str, seed: int, start: int, length: int
) -> None:
    """With a month's look-back, any cut gives the same bits, with fewer securities, too."""
    whole, function = random_panel(seed), FUNCTIONS[name]
    lookback = LONGEST_PERIOD["month"] - 1
    stop = min(start + lookback + length, len(SINCE_2009))
    part = whole.cut(start, stop)
    used = part.member.any(axis=0)
    columns = np.flatnonzero(used)
    few = part.cut(columns=slice(int(columns[0]), int(columns[-1]) + 1))
    expected = function(whole)[start + lookback : stop, columns[0] : columns[-1] + 1]
    np.testing.assert_array_equal(bits(function(few)[lookback:]), bits(expected))


def test_securities_without_a_value_change_no_bit() -> None:
    narrow = random_panel(6)
    wide = Panel(
        narrow.sessions,
        tuple(
            sorted(
                [
                    *narrow.security_ids,
                    *(f"R{n}" for n in range(9)),
                    *(f"S{n:02d}x" for n in range(23)),
                ]
            )
        ),
    )
    at = np.flatnonzero(np.isin(wide.security_ids, narrow.security_ids))

    def spread(values: np.ndarray, fill: float) -> np.ndarray:
        array = np.full((len(values), len(wide.security_ids)), fill, dtype=values.dtype)
        array[:, at] = values
        return array

    wide = Panel(
        narrow.sessions,
        wide.security_ids,
        close=spread(narrow.close, NAN),
        member=spread(narrow.member, False),
        sectors=spread(narrow.sectors, -1),
        features={name: spread(values, NAN) for name, values in narrow.features.items()},
    )
    for function in FUNCTIONS.values():
        np.testing.assert_array_equal(bits(function(wide)[:, at]), bits(function(narrow)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda panel: panel.top(panel["x"][:2]),
            ContractError,
            r"ndarray of shape \(2, 4\)\. Pass",
        ),
        (lambda panel: panel.rank([1.0]), ContractError, "The values are list"),
        (lambda panel: panel.top(panel["x"], n=0), ContractError, r"top\(n=0\) is no number"),
        (lambda panel: panel.top(panel["x"], every="moon"), UnknownNameError, "no period 'moon'"),
        (lambda panel: panel.winsorize(panel["x"], 0.9, 0.1), ContractError, "no quantiles"),
        (
            lambda panel: panel.neutralize(panel["x"], by="size"),
            UnknownNameError,
            "grouping 'size'",
        ),
        (lambda panel: panel["z"], UnknownNameError, "no 'z'. It has: close, x"),
        (lambda panel: panel["open"], UnknownNameError, "no 'open'"),
        (lambda panel: panel.adjusted("close"), UnknownNameError, "no 'split'"),
        (lambda panel: panel.adjusted("x"), UnknownNameError, "'x' cannot be adjusted"),
    ],
)
def test_a_wrong_use_is_named(call: Callable[[Panel], object], error: type, text: str) -> None:
    panel = by_hand([[1.0, 2, 3, 4]] * 3)
    with pytest.raises(error, match=text):
        call(panel)


def test_without_sectors_nothing_is_neutralised() -> None:
    panel = Panel(DAYS, FOUR, close=np.ones((5, 4)))
    with pytest.raises(UnknownNameError, match="The panel knows no sectors"):
        panel.neutralize(panel["close"])


def test_no_security_and_no_session() -> None:
    for panel in (Panel(DAYS, ()), Panel(DAYS[:0], FOUR), Panel(DAYS[:0], ())):
        values = np.empty(panel.close.shape)
        for result in (
            panel.top(values),
            panel.rank(values),
            panel.zscore(values),
            panel.winsorize(values),
            panel.neutralize(values, by=np.zeros(values.shape, dtype=int)),
            panel.filled().close,
        ):
            assert result.shape == values.shape
