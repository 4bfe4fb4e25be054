"""Weights of training samples by how little their labels share with others of the same security.

1. Concurrency of a session: how many labels of the security are about it.
2. Uniqueness of a label: the mean of 1 / concurrency over the sessions that it is about.

A label of session t that ends at session e is about the sessions t + 1 to e. Source: López de
Prado, *Advances in Financial Machine Learning*, 2018, sections 4.3 and 4.4. What does not belong
here: labels (`labels.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.labels import NONE, Ends


def concurrency(ends: Ends) -> FloatArray:
    """Number of labels that are about each session, (sessions, securities).

    Parameters
    ----------
    ends : position of the session at which each label ends, −1 for none

    Examples
    --------
    >>> import numpy as np
    >>> concurrency(np.array([[2], [3], [-1], [-1]], dtype=np.int32)).ravel()
    array([0., 1., 2., 1.])
    """
    rows, columns = np.nonzero(ends != NONE)
    last = ends[rows, columns]
    changes = np.zeros((len(ends) + 2, ends.shape[1]))
    np.add.at(changes, (rows + 1, columns), 1.0)
    np.add.at(changes, (np.minimum(last, len(ends) - 1) + 1, columns), -1.0)
    counts: FloatArray = np.cumsum(changes, axis=0)[: len(ends)]
    return counts


def uniqueness(ends: Ends) -> FloatArray:
    """Average uniqueness of each label, above 0 to 1; NaN where there is no label.

    Parameters
    ----------
    ends : as of `concurrency`

    Examples
    --------
    Two labels, about the sessions 1–2 and 2–3, share session 2.

    >>> import numpy as np
    >>> uniqueness(np.array([[2], [3], [-1], [-1]], dtype=np.int32)).ravel()
    array([0.75, 0.75,  nan,  nan])
    """
    count = concurrency(ends)
    shares = np.zeros((len(ends) + 1, ends.shape[1]))
    shares[1:] = np.cumsum(np.where(count > 0.0, 1.0 / np.maximum(count, 1.0), 0.0), axis=0)
    rows, columns = np.nonzero(ends != NONE)
    last = np.minimum(ends[rows, columns], len(ends) - 1)
    found = np.full(ends.shape, np.nan)
    total = shares[last + 1, columns] - shares[rows + 1, columns]
    found[rows, columns] = total / np.maximum(last - rows, 1)
    return found
