"""Which sessions a choice is trained on and which it is tested on, without leaks between them.

1. The label of session t uses information of the sessions from t to `ends[t]`.
2. A test block spans its first session to the last session that any of its labels reaches.
3. Purge: a session is in no training part whose label's interval overlaps the span of a test block.
4. Embargo: nor are the first `embargo` sessions after a span, whose features still remember it.

Walk-forward folds test one block after the other, each trained on what lies before it. Purged folds
test each block once, trained on what lies before and after. Combinatorial folds test every choice
of several blocks; their test parts are put together to paths through all sessions
(`combinatorial_paths`).

M. López de Prado, Advances in Financial Machine Learning, Wiley 2018: purge and embargo, section
7.4; combinatorial purged cross-validation, section 12.4. What belongs here: positions of sessions.
What does not: labels (`labels.py`), and what is trained.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, IntArray

MOST_FOLDS = 20_000
"""Combinatorial folds beyond which they are refused: 16 blocks halved are 12,870."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One training part and its test part.

    Attributes
    ----------
    train, test : positions of sessions, ascending; they have none in common
    """

    train: IntArray
    test: IntArray


def walk_forward_folds(
    ends: IntArray, *, train: int, test: int, growing: bool = False, embargo: int = 0
) -> list[Fold]:
    """Train on the sessions before a test block, then move on by the block.

    The first block begins at position `train`; the last one is shorter where sessions end. No
    training follows its test block, so the embargo is a gap: the last `embargo` sessions before the
    block are left out.

    Parameters
    ----------
    ends : (sessions,) the last position that any label of a session reaches; its own for none
    train : sessions of training, before those left out; with `growing` of the first fold
    test : sessions of a test block
    growing : train on all sessions before the block

    Raises
    ------
    SettingsError
        A number is out of range, no session is left to test, or none to train on.

    Examples
    --------
    >>> folds = walk_forward_folds(np.arange(7), train=3, test=2)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in folds]
    [([0, 1, 2], [3, 4]), ([2, 3, 4], [5, 6])]
    """
    last = _last_positions(ends)
    _whole("train", train, 1)
    _whole("test", test, 1)
    _whole("embargo", embargo, 0)
    if train >= len(last):
        raise SettingsError(
            f"There are {len(last):,} sessions and train is {train:,}, so none is left to test",
            "Train on fewer sessions, or give an earlier start or a later end",
        )
    folds = []
    for start in range(train, len(last), test):
        block = np.arange(start, min(start + test, len(last)))
        before = np.arange(0 if growing else start - train, start - embargo)
        folds.append(_checked(Fold(before[last[before] < start], block)))
    return folds


def purged_folds(ends: IntArray, *, blocks: int, embargo: int = 0) -> list[Fold]:
    """Cut the sessions into blocks, and test each of them once.

    Parameters
    ----------
    ends : as of `walk_forward_folds`
    blocks : of equal size; where sessions are left over, the first blocks have one more
    embargo : sessions left out of training after the span of a test block

    Raises
    ------
    SettingsError
        As `walk_forward_folds`.

    Examples
    --------
    >>> fold = purged_folds(np.array([0, 2, 3, 4, 4, 5]), blocks=3)[1]
    >>> fold.train.tolist(), fold.test.tolist()
    ([0, 5], [2, 3])
    """
    return combinatorial_folds(ends, blocks=blocks, test_blocks=1, embargo=embargo)


def combinatorial_folds(
    ends: IntArray, *, blocks: int, test_blocks: int, embargo: int = 0
) -> list[Fold]:
    """Cut the sessions into blocks, and test every choice of `test_blocks` of them.

    Parameters
    ----------
    ends, blocks, embargo : as of `purged_folds`
    test_blocks : blocks tested in one fold; all others, purged, are trained on

    Returns
    -------
    list[Fold]
        One per choice, in the order of `itertools.combinations`.

    Raises
    ------
    SettingsError
        As `walk_forward_folds`, or the choices are more than `MOST_FOLDS`.

    Examples
    --------
    >>> len(combinatorial_folds(np.arange(60), blocks=6, test_blocks=2))
    15
    """
    last = _last_positions(ends)
    _whole("embargo", embargo, 0)
    choices = _choices(blocks, test_blocks)
    if blocks > len(last):
        raise SettingsError(
            f"{len(last):,} sessions cannot be cut into {blocks} blocks",
            "Give fewer blocks, or an earlier start or a later end",
        )
    parts = np.array_split(np.arange(len(last)), blocks)
    left_out = np.array([_left_out(last, part, embargo) for part in parts])
    folds = []
    for chosen in choices:
        train = np.flatnonzero(~left_out[list(chosen)].any(axis=0))
        folds.append(_checked(Fold(train, np.concatenate([parts[each] for each in chosen]))))
    return folds


def combinatorial_paths(blocks: int, test_blocks: int) -> IntArray:
    """Say which fold's test of each block belongs to which path.

    Each block is tested in C(blocks − 1, test_blocks − 1) folds. The first of them, of every block,
    make the first path, and so on: each path goes through all sessions once, and each test of a
    block is used once (section 12.4.2).

    Returns
    -------
    IntArray
        (paths, blocks): position of the fold among those of `combinatorial_folds`.

    Examples
    --------
    >>> combinatorial_paths(4, 2).tolist()
    [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
    """
    choices = _choices(blocks, test_blocks)
    tested = [
        [fold for fold, chosen in enumerate(choices) if block in chosen] for block in range(blocks)
    ]
    return np.array(tested).T


def _choices(blocks: int, test_blocks: int) -> list[tuple[int, ...]]:
    """Every choice of the blocks to be tested."""
    _whole("blocks", blocks, 2)
    _whole("test_blocks", test_blocks, 1)
    if test_blocks >= blocks:
        raise SettingsError(
            f"{test_blocks} of {blocks} blocks are tested, so none is left to train on",
            "Give fewer test_blocks than blocks",
        )
    count = math.comb(blocks, test_blocks)
    if count > MOST_FOLDS:
        raise SettingsError(
            f"{blocks} blocks have {count:,} choices of {test_blocks}",
            f"Give fewer blocks or test_blocks: {MOST_FOLDS:,} choices at most",
        )
    return list(combinations(range(blocks), test_blocks))


def _left_out(last: IntArray, block: IntArray, embargo: int) -> BoolArray:
    """Sessions that cannot be trained on while `block` is tested: its own, purged, embargoed."""
    before = last < block[0]
    after = np.arange(len(last)) > last[block].max() + embargo
    return np.asarray(~(before | after))


def _last_positions(ends: Sequence[int] | IntArray) -> IntArray:
    """Check where the labels of the sessions end."""
    last = np.asarray(ends)
    if last.ndim != 1 or not len(last) or last.dtype.kind not in "iu":
        raise SettingsError(
            "The ends of labels are no series of positions", "Give one whole number a session"
        )
    last = last.astype(np.int64)
    early = np.flatnonzero(last < np.arange(len(last)))
    if len(early):
        at = int(early[0])
        raise SettingsError(
            f"The label of the session at position {at} ends at {last[at]}, before its session",
            "Give the session's own position where there is no label",
        )
    return last


def _checked(fold: Fold) -> Fold:
    """Refuse a fold that has nothing to be trained on."""
    if not len(fold.train):
        raise SettingsError(
            f"Nothing is left to train on for the test block at position {fold.test[0]}:"
            " labels and embargo reach over all of it",
            "Train on more sessions, or give shorter labels, a shorter embargo or fewer blocks",
        )
    return fold


def _whole(name: str, value: int, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < lowest:
        raise SettingsError(f"{name} is {value!r}", f"Allowed: a whole number, ≥ {lowest}")
