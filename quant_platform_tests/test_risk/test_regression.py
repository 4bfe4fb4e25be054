"""Factor returns: against a solver of the whole system, on planted factors, and with too little."""

import numpy as np
import pytest

from quant_platform.market.panel import Panel
from quant_platform.pipeline.risk import exposure_rows, factor_return_rows
from quant_platform.risk import STYLES
from quant_platform.risk.regression import PLAIN, CrossSections, explained, factor_returns, filled
from quant_platform_tests.support.factor_market import SECTORS, factor_market

SESSIONS, NAMES, COUNT = 40, 60, 4


def drawn(seed: int = 1, *, sectors: int = COUNT) -> CrossSections:
    generator = np.random.default_rng(seed)
    exposures = generator.normal(size=(SESSIONS * NAMES, PLAIN))
    exposures[:, 0] = 1.0 + 0.3 * exposures[:, 0]
    return CrossSections(
        session=np.repeat(np.arange(SESSIONS), NAMES),
        exposures=exposures,
        sector=generator.integers(0, sectors, SESSIONS * NAMES),
        value_traded=np.exp(generator.normal(size=SESSIONS * NAMES)),
        returns=generator.normal(0.0, 0.02, SESSIONS * NAMES),
        sessions=SESSIONS,
        sector_names=[f"{number}" for number in range(sectors)],
    )


def test_the_solution_is_that_of_the_whole_system() -> None:
    """Least squares with the sectors' restriction, by NumPy's solver with a multiplier."""
    rows = drawn()
    found = factor_returns(rows)
    for session in (0, 17, SESSIONS - 1):
        here = rows.session == session
        value, weights = rows.value_traded[here], np.sqrt(rows.value_traded[here])
        dummies = np.eye(COUNT)[rows.sector[here]]
        design = np.hstack([rows.exposures[here], dummies])
        size = design.shape[1]
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = design.T @ (design * weights[:, None])
        system[size, PLAIN:size] = system[PLAIN:size, size] = value @ dummies
        target = np.append(design.T @ (weights * rows.returns[here]), 0.0)
        solved = np.linalg.solve(system, target)[:size]
        np.testing.assert_allclose(found.returns[session], solved, atol=1e-12)
        left = rows.returns[here] - design @ solved
        np.testing.assert_allclose(found.specific[here], left, atol=1e-12)
        # Errors: s² (X′VX)⁻¹ of the design in which the restriction is put in.
        basis = np.linalg.svd(system[size : size + 1, :size])[2][1:].T
        reduced = design @ basis
        scale = (weights * left**2).sum() / (NAMES - size + 1)
        inverse = basis @ np.linalg.inv(reduced.T @ (reduced * weights[:, None])) @ basis.T
        errors = np.sqrt(np.diagonal(inverse) * scale)
        np.testing.assert_allclose(found.errors[session], errors, rtol=1e-9)


def test_what_is_explained_and_what_is_left_add_up() -> None:
    rows = drawn(2)
    found = factor_returns(rows)
    total = explained(filled(rows.exposures), rows.sector, rows.session, found.returns)
    np.testing.assert_allclose(total + found.specific, rows.returns, atol=1e-15)


def test_other_sessions_and_sectors_change_no_bit() -> None:
    rows = drawn(3)
    whole = factor_returns(rows)
    here = rows.session == 21
    alone = factor_returns(
        CrossSections(
            session=np.zeros(NAMES, dtype=np.int64),
            exposures=rows.exposures[here],
            # Sectors of which nobody is one, before, among and after the others.
            sector=rows.sector[here] * 2 + 1,
            value_traded=rows.value_traded[here],
            returns=rows.returns[here],
            sessions=1,
            sector_names=[f"{number}" for number in range(9)],
        )
    )
    present = [*range(PLAIN), *(PLAIN + 1 + 2 * number for number in range(COUNT))]
    np.testing.assert_array_equal(alone.returns[0, present], whole.returns[21])
    np.testing.assert_array_equal(alone.errors[0, present], whole.errors[21])
    np.testing.assert_array_equal(alone.specific, whole.specific[here])
    assert np.isnan(np.delete(alone.returns[0], present)).all()


@pytest.mark.parametrize(
    ("names", "factors"), [(1, 0), (2, 0), (3, 1), (17, 1), (18, PLAIN), (29, PLAIN), (30, 10)]
)
def test_fewer_names_than_factors_leave_factors_out(names: int, factors: int) -> None:
    """Three securities come on each factor: six plain ones, then with the four sectors ten."""
    rows = drawn(4)
    generator = np.random.default_rng(1)
    found = factor_returns(
        CrossSections(
            session=np.zeros(names, dtype=np.int64),
            exposures=rows.exposures[:names],
            sector=np.arange(names) % COUNT,
            value_traded=np.ones(names),
            returns=(returns := generator.normal(size=names)),
            sessions=1,
            sector_names=rows.sector_names,
        )
    )
    assert np.isfinite(found.returns).sum() == factors
    assert found.names.tolist() == [names]
    if not factors:
        np.testing.assert_array_equal(found.specific, returns)
        assert np.isnan(found.r_squared).all()


def test_a_factor_that_the_others_express_has_no_return() -> None:
    rows = drawn(5)
    rows.exposures[:, 3] = 2.0 * rows.exposures[:, 2]
    rows.exposures[:, 4] = np.nan  # counts as 0 of all
    found = factor_returns(rows)
    assert np.isnan(found.returns[:, [3, 4]]).all()
    assert np.isfinite(np.delete(found.returns, [3, 4], axis=1)).all()


def test_no_rows_give_no_returns() -> None:
    none = np.empty(0)
    empty = CrossSections(
        none.astype(np.int64), np.empty((0, PLAIN)), none.astype(np.int64), none, none, 3
    )
    found = factor_returns(empty)
    assert np.isnan(found.returns).all()
    assert found.names.tolist() == [0, 0, 0]


def test_planted_factors_are_recovered() -> None:
    """Correlation of estimated and planted returns above 0.95, of the market and each sector."""
    planted = factor_market(420, 400, 6)
    rows = exposure_rows(planted.panel, 420)
    frames = factor_return_rows(planted.panel, rows)
    earned = frames["factor_returns"].pivot(index="date", columns="factor", values="factor_return")
    assert list(earned.columns) == sorted(
        ["market", *STYLES, *(f"sector:{name}" for name in SECTORS)]
    )
    known = {"market": planted.market}
    known |= {f"sector:{name}": planted.sectors[:, at] for at, name in enumerate(SECTORS)}
    for name, expected in known.items():
        found = earned[name].to_numpy()[299:]
        assert np.corrcoef(found, expected[300:])[0, 1] > 0.95, name


def test_planted_styles_are_recovered() -> None:
    """Every factor, planted with deviations of 0.5 % beside specific ones of 2 %: above 0.95."""
    generator = np.random.default_rng(12)
    sessions, names = 150, 500
    count = sessions * names
    exposures = generator.normal(size=(count, PLAIN))
    exposures[:, 0] = 1.0 + 0.3 * exposures[:, 0]
    planted = generator.normal(0.0, 0.005, (sessions, PLAIN))
    session = np.repeat(np.arange(sessions), names)
    returns = (exposures * planted[session]).sum(axis=1) + generator.normal(0.0, 0.02, count)
    value = np.exp(generator.normal(size=count))
    none = np.full(count, -1)
    found = factor_returns(CrossSections(session, exposures, none, value, returns, sessions))
    for number in range(PLAIN):
        assert np.corrcoef(found.returns[:, number], planted[:, number])[0, 1] > 0.95


def test_a_panel_whose_securities_have_no_exposures() -> None:
    panel = Panel(factor_market(3, 1, 1).panel.sessions, ("A",), close=np.ones((3, 1)))
    none = exposure_rows(panel, 3).iloc[:0]
    frames = factor_return_rows(panel, none)
    assert [len(rows) for rows in frames.values()] == [0, 0]
