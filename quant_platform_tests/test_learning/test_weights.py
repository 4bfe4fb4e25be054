"""Uniqueness of labels, by hand and by the definition written out."""

import numpy as np

from quant_platform.learning.labels import NONE
from quant_platform.learning.weights import concurrency, uniqueness


def test_an_example_by_hand():
    """López de Prado (2018), section 4.4, with three labels about (1–3), (3–4) and (5–6).

    Session 3 has two labels, so they are unique by (1 + 1 + 1/2) / 3 and (1/2 + 1) / 2.
    """
    ends = np.array([[3], [NONE], [4], [NONE], [6], [NONE], [NONE]], dtype=np.int32)
    assert concurrency(ends).ravel().tolist() == [0, 1, 1, 2, 1, 1, 1]
    found = uniqueness(ends).ravel()
    np.testing.assert_allclose(found[[0, 2, 4]], [5 / 6, 3 / 4, 1.0])
    assert np.isnan(found[[1, 3, 5, 6]]).all()


def test_any_labels_against_the_definition_label_by_label():
    rng = np.random.default_rng(5)
    starts = np.arange(40)[:, None]
    ends = starts + rng.integers(1, 8, (40, 3))
    ends = np.where((ends < 40) & (rng.random((40, 3)) < 0.7), ends, NONE).astype(np.int32)
    count = np.zeros((40, 3))
    for row, column in np.argwhere(ends != NONE):
        count[row + 1 : ends[row, column] + 1, column] += 1
    np.testing.assert_array_equal(concurrency(ends), count)
    found = uniqueness(ends)
    for row, column in np.argwhere(ends != NONE):
        about = slice(row + 1, ends[row, column] + 1)
        np.testing.assert_allclose(found[row, column], (1.0 / count[about, column]).mean())
