"""`Deferred`: features of a panel, of which some are computed when they are first read.

What belongs here: who waits and who is asked. What does not: how a feature is computed
(`features/compute.py`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from quant_platform.kernels.arrays import FloatArray


class Deferred(Mapping[str, FloatArray]):
    """Arrays by name.

    Parameters
    ----------
    known : those that were computed
    waiting : names of the others
    compute : returns the array of one of these; it is called once for each that is read

    Examples
    --------
    >>> features = Deferred({}, ["rsi_14"], lambda name: print("computing") or name.upper())
    >>> "rsi_14" in features, features["rsi_14"], features["rsi_14"]
    computing
    (True, 'RSI_14', 'RSI_14')
    """

    def __init__(
        self,
        known: Mapping[str, FloatArray],
        waiting: Collection[str],
        compute: Callable[[str], FloatArray],
    ) -> None:
        self._known, self._compute = dict(known), compute
        self._names = (*known, *waiting)

    def __getitem__(self, name: str) -> FloatArray:
        """Return an array, computed now where it was not before."""
        if name not in self._known and name in self._names:
            self._known[name] = self._compute(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def then(self, change: Callable[[FloatArray], FloatArray]) -> "Deferred":
        """Return the arrays changed: those that are known now, the others when they are read."""
        known = {name: change(values) for name, values in self._known.items()}
        waiting = [name for name in self._names if name not in known]
        return Deferred(known, waiting, lambda name: change(self[name]))


def changed(
    features: Mapping[str, FloatArray], change: Callable[[FloatArray], FloatArray]
) -> Mapping[str, FloatArray]:
    """Return arrays changed; of those that wait, when they are read."""
    if isinstance(features, Deferred):
        return features.then(change)
    return {name: change(values) for name, values in features.items()}
