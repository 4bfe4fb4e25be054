"""Configurations of a sweep: a grid, a list, or a sample of parameters, in a fixed order.

What belongs here: from what a person writes to one mapping of parameters each. What does not: which
values a strategy allows (`strategies/parameters.py`), and running them (`sweep.py`).
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quant_platform.errors import SettingsError

Parameters = Mapping[str, Any]
"""Parameter → value."""

Space = Mapping[str, Any] | Iterable[Parameters]
"""A grid (name → values), a sampler (name → range, values or distribution), or configurations."""

Kind = Literal["grid", "list", "sample"]

_FORMS = (
    "Write a grid: {'stop_atr': [1.0, 2.0]}; a list of parameters: [{'stop_atr': 1.0}]; or, with"
    " sample=n, ranges: {'stop_atr': (1.0, 3.0)}"
)


@dataclass(frozen=True)
class Configurations:
    """Parameters to be tried, in order; of a grid, the last name changes fastest.

    Attributes
    ----------
    kind : what they are made of
    axes : of a grid, parameter → its values
    listed : of a list or sample, the configurations

    Examples
    --------
    >>> list(Configurations.of({"a": [1, 2], "b": [5]}))
    [{'a': 1, 'b': 5}, {'a': 2, 'b': 5}]
    """

    kind: Kind
    axes: Mapping[str, Sequence[Any]]
    listed: Sequence[Parameters] = ()

    @classmethod
    def of(cls, space: Space, sample: int | None = None, seed: int = 0) -> "Configurations":
        """Read what a person wrote.

        Parameters
        ----------
        sample : how many configurations are drawn; None: all of them are taken
        seed : the same seed draws the same ones

        Raises
        ------
        SettingsError
            It is none of the three forms, or has no configuration.
        """
        named = space if isinstance(space, Mapping) else None
        if strange := [name for name in named or () if not isinstance(name, str)]:
            raise SettingsError(f"{strange[0]!r} is no name of a parameter", _FORMS)
        if isinstance(space, Mapping):
            if sample is not None:
                return cls("sample", {}, _drawn(space, sample, seed))
            axes = {name: _values(name, values) for name, values in space.items()}
            return cls("grid", axes)
        if sample is not None:
            raise SettingsError("A list of configurations cannot be sampled", _FORMS)
        if isinstance(space, str) or not isinstance(space, Iterable):
            raise SettingsError(f"{space!r} is no set of parameters", _FORMS)
        listed = list(space)
        wrong = [each for each in listed if not isinstance(each, Mapping)]
        if wrong or not listed:
            found = f"{wrong[0]!r} is no configuration" if wrong else "There is no configuration"
            raise SettingsError(found, _FORMS)
        plain = [{name: _plain(value) for name, value in each.items()} for each in listed]
        return cls("list", {}, _distinct(plain))

    def __len__(self) -> int:
        if self.kind == "grid":
            return math.prod(len(values) for values in self.axes.values())
        return len(self.listed)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if self.kind == "grid":
            for values in itertools.product(*self.axes.values()):
                yield dict(zip(self.axes, values, strict=True))
        else:
            yield from map(dict, self.listed)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that are given in some configuration."""
        if self.kind == "grid":
            return tuple(self.axes)
        return tuple(dict.fromkeys(name for each in self.listed for name in each))


def _plain(value: Any) -> Any:
    """Return a scalar of NumPy as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _values(name: str, values: Any) -> list[Any]:
    """Values of one axis of a grid, each once."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise SettingsError(f"The values of {name} are {values!r}", _FORMS)
    found: dict[str, Any] = {}
    for value in map(_plain, values):
        found.setdefault(repr(value), value)
    if not found:
        raise SettingsError(f"The parameter {name} has no value", _FORMS)
    return list(found.values())


def _distinct(configurations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The configurations without those that were there before."""
    seen: dict[str, dict[str, Any]] = {}
    for each in configurations:
        seen.setdefault(repr(sorted(each.items())), each)
    return list(seen.values())


def _drawn(space: Mapping[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """Draw configurations, all parameters of one after the other's."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise SettingsError(f"sample is {count!r}", "Allowed: a whole number, ≥ 1")
    rng = np.random.default_rng(seed)
    if all(isinstance(values, list) for values in space.values()):
        axes = [_values(name, values) for name, values in space.items()]
        total = math.prod(map(len, axes))
        chosen = rng.choice(total, size=min(count, total), replace=False)
        numbers = np.unravel_index(chosen, [len(axis) for axis in axes])
        return [
            {name: axis[at] for name, axis, at in zip(space, axes, place, strict=True)}
            for place in zip(*(each.tolist() for each in numbers), strict=True)
        ]
    draw = {name: _distribution(name, values) for name, values in space.items()}
    return _distinct({name: _plain(each(rng)) for name, each in draw.items()} for _ in range(count))


def _distribution(name: str, values: Any) -> Callable[[np.random.Generator], Any]:
    """Return what draws one value: from a range, a list, a function or a SciPy distribution."""
    if isinstance(values, tuple) and len(values) == 2:
        low, high = map(_plain, values)
        numbers = [
            isinstance(each, (int, float)) and not isinstance(each, bool) for each in (low, high)
        ]
        if not all(numbers) or not low <= high or not math.isfinite(high - low):
            raise SettingsError(
                f"The range of {name} is {values!r}", "Write its lowest and highest value"
            )
        if isinstance(low, int) and isinstance(high, int):
            return lambda rng: rng.integers(low, high, endpoint=True)
        return lambda rng: rng.uniform(low, high)
    if hasattr(values, "rvs"):
        return lambda rng: values.rvs(random_state=rng)
    if callable(values):
        return lambda rng: values(rng)
    listed = _values(name, values)
    return lambda rng: listed[int(rng.integers(len(listed)))]
