"""The test of a promise: exact where it can be enumerated, simulated where it cannot."""

import math
from itertools import product

import numpy as np
import pytest

from quant_platform.errors import SessionError
from quant_platform.evaluation.effective_trials import Trials
from quant_platform.evaluation.monitor import (
    BOUND,
    FEWEST_SCALE,
    LEVEL,
    SCALE_SESSIONS,
    promise_of,
    scaled_returns,
    watch,
)
from quant_platform.evaluation.sharpe_inference import expected_maximum
from quant_platform_tests.support.garch import student_garch

NO_TRIALS = Trials(1, 1.0, 0.0)


class TestScale:
    def test_a_return_is_divided_by_the_root_mean_square_of_those_before_it(self) -> None:
        returns = np.array([0.03, 0.04] * 40)
        scaled = scaled_returns(returns)
        assert np.isnan(scaled[:FEWEST_SCALE]).all()
        # √((11·0.03² + 10·0.04²) ÷ 21), and of 63 returns √((31·0.03² + 32·0.04²) ÷ 63).
        assert scaled[FEWEST_SCALE] == pytest.approx(0.04 / math.sqrt(0.0259 / 21))
        assert scaled[SCALE_SESSIONS + 1] == pytest.approx(0.03 / math.sqrt(0.0791 / 63))

    def test_it_is_cut_off_however_large_it_is(self) -> None:
        calm = np.tile([0.001, -0.001], 30)
        ends = scaled_returns(np.concatenate((calm, [-1.0, 1e300, 0.0])))[-3:]
        assert ends.tolist() == [-BOUND, BOUND, 0.0]

    def test_gaps_and_halted_sessions_are_as_if_they_had_not_been(self) -> None:
        returns = np.random.default_rng(1).normal(0.0, 0.01, 200)
        places = np.array([0, 30, 31, 100, 150, 200])
        gaps = np.insert(returns, places, np.nan)
        counts = np.insert(np.ones(200, dtype=bool), places, False)
        with_gaps, without = scaled_returns(gaps), scaled_returns(returns)
        assert np.array_equal(with_gaps[counts], without, equal_nan=True)
        assert np.isnan(with_gaps[~counts]).all()
        halted = np.where(counts, gaps, 0.0)
        assert np.array_equal(scaled_returns(halted, counts), with_gaps, equal_nan=True)

    @pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 100, [math.nan] * 100])
    def test_nothing_is_made_of_nothing(self, returns: list[float]) -> None:
        assert np.isnan(scaled_returns(np.array(returns))).all()


class TestEvidence:
    @pytest.mark.parametrize("size", [0.5, 1.0, BOUND])
    def test_it_is_a_fair_price_at_most(self, size: float) -> None:
        """All 2⁸ ways in which a fair coin falls, each as probable, counted out."""
        ways = np.array(list(product([-size, size], repeat=8)))
        tests = [watch(way, promised=0.0) for way in ways]
        mean = np.mean([each.e_value for each in tests], axis=0)
        assert (mean <= 1.0).all()
        assert (np.diff(mean) <= 1e-12).all()
        assert mean[0] > 0.98

    def test_means_that_change_do_no_harm_while_their_average_holds(self) -> None:
        """First above the promise, then below it, 0 on average: each way by its probability."""
        up = [0.8] * 4 + [0.2] * 4
        down = [1.0 - each for each in up]
        expected = 0.0
        for way in product([False, True], repeat=8):
            weight = math.prod(u if w else d for w, u, d in zip(way, up, down, strict=True))
            values = np.where(way, 1.0, -1.0)
            expected += weight * watch(values, promised=0.0).e_value[-1]
        assert expected <= 1.0

    def test_one_bad_return_counts_as_its_bets_say(self) -> None:
        """Of X = −1 and m = 0 each bet λ makes exp(λ + (log(1 − 3λ) + 3λ) ÷ 9); of the grid:"""
        bets = [0.004 * 1.35**step for step in range(14)]
        made = [math.exp(bet + (math.log(1 - 3 * bet) + 3 * bet) / 9) for bet in bets]
        assert watch(np.array([-1.0]), 0.0).e_value[0] == pytest.approx(sum(made) / 14, rel=1e-12)

    def test_the_confidence_sequence_ends_where_the_evidence_suffices(self) -> None:
        values = np.random.default_rng(2).normal(-0.1, 1.0, 700).clip(-BOUND, BOUND)
        test = watch(values, promised=0.1)
        assert np.array_equal(test.e_value >= 1.0 / LEVEL, test.upper < 0.1)
        assert test.crossed.argmax() == (test.e_value >= 1.0 / LEVEL).argmax() > 0
        for place in (20, 300, 699):
            upper, lower = test.upper[place], test.lower[place]
            if upper < BOUND:
                assert watch(values, upper).e_value[place] == pytest.approx(1.0 / LEVEL)
                assert watch(-values, -lower).e_value[place] == pytest.approx(1.0 / LEVEL)
        assert test.mean[-1] == pytest.approx(values.mean())
        assert test.lower[-1] < test.mean[-1] < test.upper[-1]

    def test_it_stays_crossed_until_the_test_begins_anew(self) -> None:
        values = np.concatenate((np.full(60, -1.0), np.full(200, 1.0)))
        begins = np.zeros(260, dtype=bool)
        begins[240] = True
        test = watch(values, 0.5, begins)
        first = int(test.crossed.argmax())
        assert 0 < first < 60
        assert test.crossed[first:240].all() and not test.crossed[240:].any()
        assert test.e_value[239] < 1.0 / LEVEL
        assert test.sessions[239:242].tolist() == [240, 1, 2]
        alone = watch(values[240:], 0.5)
        assert np.array_equal(test.e_value[240:], alone.e_value)

    def test_what_does_not_count_changes_nothing(self) -> None:
        test = watch(np.array([np.nan, -1.0, np.nan, -2.0]), 0.0)
        assert test.sessions.tolist() == [0, 1, 1, 2]
        assert test.e_value[[0, 1]].tolist() == [1.0, test.e_value[2]]
        assert np.isnan(test.mean[0])
        assert (test.lower[0], test.upper[0]) == (-BOUND, BOUND)

    def test_law_a_look_does_not_depend_on_what_follows(self) -> None:
        returns = np.random.default_rng(3).standard_t(3, 900) * 0.01
        scaled = scaled_returns(returns)
        whole = watch(scaled, 0.05)
        for cut in (1, 22, 64, 301, 899):
            assert np.array_equal(scaled_returns(returns[:cut]), scaled[:cut], equal_nan=True)
            part = watch(scaled[:cut], 0.05)
            for name in ("sessions", "mean", "lower", "upper", "e_value", "crossed"):
                mine, theirs = getattr(part, name), getattr(whole, name)[:cut]
                assert np.array_equal(mine, theirs, equal_nan=name == "mean"), name

    def test_evidence_without_end_stays_a_number(self) -> None:
        test = watch(np.full(20_000, -BOUND), BOUND)
        assert np.isfinite(test.e_value).all()
        assert test.crossed[-1]


class TestSimulated:
    """Ten years of daily looks; `benchmarks/monitor.py` has many more of them."""

    def test_false_alarms_are_rare_and_losers_are_found(self) -> None:
        noise = student_garch(paths=120, sessions=SCALE_SESSIONS + 2_520, seed=7)
        good = [scaled_returns(path + 0.0006)[SCALE_SESSIONS:] for path in noise]
        # The very mean that they have, which is the most that may be promised.
        promised = float(np.mean(good))
        alarms = [watch(path, promised).crossed[-1] for path in good]
        assert np.mean(alarms) <= LEVEL
        bad = [scaled_returns(path - 0.0006)[SCALE_SESSIONS:] for path in noise[:40]]
        tests = [watch(path, promised) for path in bad]
        assert all(each.crossed[-1] for each in tests)
        assert np.median([each.crossed.argmax() for each in tests]) < 500


class TestPromise:
    def test_it_is_the_lower_end_less_what_luck_would_show(self) -> None:
        scaled = np.random.default_rng(4).normal(0.1, 1.0, 1_000)
        alone, chosen = promise_of(scaled, NO_TRIALS), promise_of(scaled, Trials(300, 100.0, 0.71))
        assert alone.mean == pytest.approx(scaled.mean())
        assert alone.haircut == 0.0
        # Of independent returns the interval is about that of a normal mean.
        assert alone.lower == pytest.approx(scaled.mean() - 1.96 / math.sqrt(1_000), abs=0.01)
        # The annual deviation √½ of 100 trials: 0.1132 per session of 250 (Bailey and López de
        # Prado 2014, section "A numerical example"); of 252, less by √(250 ÷ 252).
        expected = 0.1132 * math.sqrt(250 / 252) * 0.71 / math.sqrt(0.5)
        assert chosen.haircut == pytest.approx(expected * scaled.std(ddof=1), rel=2e-3)
        assert chosen.haircut == pytest.approx(
            expected_maximum(100.0, 0.71 / math.sqrt(252)) * scaled.std(ddof=1)
        )
        assert chosen.promised == chosen.lower - chosen.haircut
        assert (chosen.sessions, chosen.trials, chosen.effective_trials) == (1_000, 300, 100.0)
        assert promise_of(np.append(scaled, np.nan), NO_TRIALS) == alone

    @pytest.mark.parametrize("scaled", [np.zeros(0), np.full(251, 0.1), np.zeros(400)])
    def test_too_few_or_the_same_returns_promise_nothing(self, scaled: np.ndarray) -> None:
        with pytest.raises(SessionError, match=f"{len(scaled)} returns to promise anything by"):
            promise_of(scaled, NO_TRIALS)
