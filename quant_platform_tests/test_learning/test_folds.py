"""Folds: worked by hand, as the figures of the book show them, and what no fold may break."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import IntArray
from quant_platform.learning.folds import (
    Fold,
    combinatorial_folds,
    combinatorial_paths,
    purged_folds,
    walk_forward_folds,
)


def plain(folds: list[Fold]) -> list[tuple[list[int], list[int]]]:
    return [(fold.train.tolist(), fold.test.tolist()) for fold in folds]


def reaching(sessions: int, ahead: int) -> IntArray:
    """Ends of labels that look so many sessions ahead, as far as there are any."""
    here = np.arange(sessions)
    return np.where(here + ahead < sessions, here + ahead, here)


class TestWalkForward:
    def test_a_rolling_window_by_hand(self) -> None:
        """Labels end a session later: the last one before each block reaches into it."""
        folds = walk_forward_folds(reaching(10, 1), train=4, test=3)
        assert plain(folds) == [([0, 1, 2], [4, 5, 6]), ([3, 4, 5], [7, 8, 9])]

    def test_a_growing_window_by_hand(self) -> None:
        folds = walk_forward_folds(reaching(10, 1), train=4, test=3, growing=True)
        assert plain(folds)[1] == ([0, 1, 2, 3, 4, 5], [7, 8, 9])

    def test_the_embargo_is_a_gap_before_the_block(self) -> None:
        folds = walk_forward_folds(np.arange(9), train=4, test=3, embargo=2)
        assert plain(folds) == [([0, 1], [4, 5, 6]), ([3, 4], [7, 8])]

    def test_the_last_block_is_what_is_left(self) -> None:
        assert plain(walk_forward_folds(np.arange(5), train=2, test=2))[-1] == ([2, 3], [4])


class TestPurged:
    def test_a_block_in_the_middle_by_hand(self) -> None:
        """Twelve sessions, labels two ahead, blocks of four: the second spans 4 to 7 + 2 = 9.

        Sessions 2 and 3 look into it, 8 and 9 lie in its labels, and 10 is under embargo.
        """
        fold = purged_folds(reaching(12, 2), blocks=3, embargo=1)[1]
        assert plain([fold]) == [([0, 1, 11], [4, 5, 6, 7])]

    def test_sessions_left_over_go_to_the_first_blocks(self) -> None:
        tests = [fold.test.tolist() for fold in purged_folds(np.arange(8), blocks=3)]
        assert tests == [[0, 1, 2], [3, 4, 5], [6, 7]]

    def test_a_long_label_far_before_the_block_is_purged(self) -> None:
        ends = np.arange(9)
        ends[0] = 4
        assert plain(purged_folds(ends, blocks=3))[1] == ([1, 2, 6, 7, 8], [3, 4, 5])


class TestCombinatorial:
    def test_two_blocks_apart_by_hand(self) -> None:
        """Blocks 0 and 2 of four, three sessions each, labels one ahead, embargo 1.

        Block 0 spans 0 to 3 and bars 4; block 2 spans 6 to 9 and bars 10; the label of 5 ends at 6.
        """
        folds = combinatorial_folds(reaching(12, 1), blocks=4, test_blocks=2, embargo=1)
        assert plain(folds)[1] == ([11], [0, 1, 2, 6, 7, 8])

    def test_labels_that_reach_over_all_of_training(self) -> None:
        with pytest.raises(SettingsError, match="Nothing is left to train on"):
            combinatorial_folds(reaching(8, 1), blocks=4, test_blocks=2, embargo=1)

    def test_paths_as_in_the_book(self) -> None:
        """López de Prado 2018, section 12.4.2, with its splits S1 to S15 counted from 0.

        Path 1: (G1,S1), (G2,S1), (G3,S2), (G4,S3), (G5,S4), (G6,S5).
        Path 2: (G1,S2), (G2,S6), (G3,S6), (G4,S7), (G5,S8), (G6,S9).
        """
        paths = combinatorial_paths(6, 2)
        assert paths.shape == (5, 6)
        assert paths[:2].tolist() == [[0, 0, 1, 2, 3, 4], [1, 5, 5, 6, 7, 8]]

    @pytest.mark.parametrize("blocks", range(2, 9))
    def test_as_many_paths_as_the_formula_says(self, blocks: int) -> None:
        """φ[N, k] = C(N, k) · k / N, and each test of a block is used once."""
        for k in range(1, blocks):
            paths = combinatorial_paths(blocks, k)
            assert paths.shape == (comb(blocks, k) * k // blocks, blocks)
            used = {(int(fold), block) for path in paths for block, fold in enumerate(path)}
            choices = enumerate(combinations(range(blocks), k))
            assert used == {(fold, block) for fold, chosen in choices for block in chosen}
            assert len(used) == paths.size


embargoes = st.integers(0, 3)


@st.composite
def label_ends(draw: st.DrawFn) -> IntArray:
    """Labels of any length up to four sessions, each its own."""
    ahead = draw(st.lists(st.integers(0, 4), min_size=24, max_size=60))
    return np.minimum(np.arange(len(ahead)) + ahead, len(ahead) - 1)


def leaks(fold: Fold, ends: IntArray, embargo: int) -> list[str]:
    """What is wrong with a fold, session by session; its test part is cut where it has gaps."""
    wrong = []
    for block in np.split(fold.test, np.flatnonzero(np.diff(fold.test) > 1) + 1):
        first, end = block[0], max(ends[t] for t in block)
        for t in fold.train:
            if t <= end and ends[t] >= first:
                wrong.append(f"the label {t} to {ends[t]} overlaps {first} to {end}")
            if end < t <= end + embargo:
                wrong.append(f"{t} is under embargo after {end}")
    return wrong


@given(label_ends(), st.integers(2, 4), st.data(), embargoes)
def test_no_label_of_training_overlaps_a_test(
    ends: IntArray, blocks: int, data: st.DataObject, embargo: int
) -> None:
    test_blocks = data.draw(st.integers(1, blocks - 1))
    try:
        folds = combinatorial_folds(ends, blocks=blocks, test_blocks=test_blocks, embargo=embargo)
    except SettingsError as error:
        assert "Nothing is left" in error.message
        return
    assert [problem for fold in folds for problem in leaks(fold, ends, embargo)] == []
    assert all((np.diff(fold.train) > 0).all() and (np.diff(fold.test) > 0).all() for fold in folds)


@given(label_ends(), st.integers(2, 6))
def test_purged_folds_test_every_session_once(ends: IntArray, blocks: int) -> None:
    tested = np.concatenate([fold.test for fold in purged_folds(ends, blocks=min(blocks, 4))])
    assert tested.tolist() == list(range(len(ends)))


@given(label_ends(), st.integers(9, 20), st.integers(1, 9), st.booleans(), embargoes)
def test_walking_forward_never_looks_ahead(
    ends: IntArray, train: int, test: int, growing: bool, embargo: int
) -> None:
    folds = walk_forward_folds(ends, train=train, test=test, growing=growing, embargo=embargo)
    assert np.concatenate([fold.test for fold in folds]).tolist() == list(range(train, len(ends)))
    for fold in folds:
        assert ends[fold.train].max() < fold.test[0]
        assert fold.train.max() < fold.test[0] - embargo
        assert growing or fold.train.min() >= fold.test[0] - train


@given(label_ends(), st.integers(9, 20), st.integers(1, 9))
def test_later_sessions_change_no_earlier_fold(ends: IntArray, train: int, test: int) -> None:
    """The history cut after the second fold has the same first two folds."""
    whole = walk_forward_folds(ends, train=train, test=test)
    cut = min(train + 2 * test, len(ends))
    early = walk_forward_folds(np.minimum(ends[:cut], cut - 1), train=train, test=test)
    assert plain(early) == plain(whole[: len(early)])


@pytest.mark.parametrize(
    ("ends", "numbers", "message"),
    [
        (np.arange(10), {"train": 10, "test": 1}, "10 sessions and train is 10"),
        (np.arange(10), {"train": 5, "test": 0}, "test is 0"),
        (np.arange(10), {"train": 5, "test": 2.0}, "test is 2.0"),
        (np.arange(10), {"train": 5, "test": 2, "embargo": -1}, "embargo is -1"),
        (np.arange(10), {"train": 2, "test": 2, "embargo": 2}, "Nothing is left to train on"),
        (np.arange(10) - 1, {"train": 5, "test": 2}, "position 0 ends at -1"),
        (np.arange(10) * 1.0, {"train": 5, "test": 2}, "no series of positions"),
        (np.arange(0), {"train": 5, "test": 2}, "no series of positions"),
    ],
)
def test_a_walk_that_cannot_be_is_one_line(
    ends: IntArray, numbers: dict[str, int], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        walk_forward_folds(ends, **numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("blocks", "test_blocks", "message"),
    [
        (1, 1, "blocks is 1"),
        (4, 0, "test_blocks is 0"),
        (4, 4, "4 of 4 blocks are tested"),
        (30, 10, "30,045,015 choices"),
        (11, 2, "10 sessions cannot be cut into 11 blocks"),
    ],
)
def test_blocks_that_cannot_be_are_one_line(blocks: int, test_blocks: int, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        combinatorial_folds(np.arange(10), blocks=blocks, test_blocks=test_blocks)
