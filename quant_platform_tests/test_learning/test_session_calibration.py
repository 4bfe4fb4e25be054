"""Figures of calibration after each session: of the outcomes known by then, and of no others."""

import numpy as np

from quant_platform.learning.calibration import Calibration, reliability_curve
from quant_platform.learning.session_calibration import session_calibration

PAIRS = {
    "base_rate": "base_rate",
    "brier": "brier",
    "reliability": "reliability",
    "resolution": "resolution",
    "uncertainty": "uncertainty",
    "within": "within",
    "expected_error": "expected_error",
}


def drawn(sessions=90, securities=7, horizon=3):
    rng = np.random.default_rng(4)
    shape = sessions, securities
    said = np.where(rng.random(shape) < 0.6, rng.random(shape), np.nan)
    hits = rng.random(shape) < np.nan_to_num(said)
    ends = np.broadcast_to(np.arange(sessions)[:, None] + horizon + 1, shape)
    return said, hits, np.where(ends < sessions, ends, -1).astype(np.int32)


def test_the_figures_are_those_of_the_outcomes_of_the_window():
    said, hits, ends = drawn()
    found = session_calibration(said, hits, ends, 20)
    for session in (0, 3, 4, 10, 30, 89):
        there = np.isfinite(said) & (ends >= 0) & (ends <= session) & (ends > session - 20)
        expected = Calibration.of(said[there], hits[there])
        assert found.outcomes[session] == expected.outcomes
        for mine, theirs in PAIRS.items():
            np.testing.assert_allclose(
                getattr(found, mine)[session], getattr(expected, theirs), atol=1e-12
            )
        if there.any():
            curve = reliability_curve(said[there], hits[there])
            assert found.counts[session].tolist() == curve.counts.tolist()
            np.testing.assert_allclose(found.frequencies[session], curve.frequencies)
    assert found.outcomes[:4].tolist() == [0, 0, 0, 0] and np.isnan(found.brier[:4]).all()


def test_the_bits_do_not_depend_on_what_is_too_old_or_follows():
    """Laws 1 and 2."""
    said, hits, ends = drawn()
    whole = session_calibration(said, hits, ends, 20)
    first, last = 30, 70
    known = np.where((ends >= 0) & (ends <= last), ends - first, -1)[first : last + 1]
    part = session_calibration(said[first : last + 1], hits[first : last + 1], known, 20)
    # An outcome of the window's first session is of a signal 4 sessions before it.
    for name in (*PAIRS, "outcomes", "counts", "probabilities", "frequencies"):
        mine, theirs = getattr(part, name)[24:], getattr(whole, name)[first + 24 : last + 1]
        np.testing.assert_array_equal(mine, theirs, err_msg=name)
