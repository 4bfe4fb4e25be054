"""Grids, lists and samples of parameters."""

from typing import Any

import numpy as np
import pytest

from quant_platform.errors import SettingsError
from quant_platform.research.configurations import Configurations
from quant_platform.strategies.source import source_digest


def listed(space: Any, **options: Any) -> list[dict[str, Any]]:
    found = Configurations.of(space, **options)
    assert len(list(found)) == len(found)
    return list(found)


def test_a_grid_in_its_order() -> None:
    assert listed({"a": [1, 2, 1], "b": np.array([0.5, 1.5])}) == [
        {"a": 1, "b": 0.5},
        {"a": 1, "b": 1.5},
        {"a": 2, "b": 0.5},
        {"a": 2, "b": 1.5},
    ]


def test_a_grid_of_a_million_takes_no_room() -> None:
    found = Configurations.of({"a": range(1000), "b": range(1000)})
    assert len(found) == 1_000_000
    assert next(iter(found)) == {"a": 0, "b": 0}


def test_a_list_without_what_is_there_twice() -> None:
    found = Configurations.of([{"a": 1}, {"b": 2}, {"a": 1}])
    assert list(found) == [{"a": 1}, {"b": 2}]
    assert (found.kind, found.names) == ("list", ("a", "b"))


def test_a_sample_is_the_same_for_a_seed() -> None:
    space = {"a": (1, 3), "b": (0.0, 1.0), "c": ["x", "y"], "d": lambda rng: rng.normal()}
    one, again, other = (listed(space, sample=50, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert {each["a"] for each in one} == {1, 2, 3}
    assert {each["c"] for each in one} == {"x", "y"}
    assert all(type(each["a"]) is int and 0.0 <= each["b"] < 1.0 for each in one)


def test_a_sample_of_lists_takes_each_once() -> None:
    found = listed({"a": [1, 2, 3], "b": [1, 2]}, sample=99)
    assert sorted((each["a"], each["b"]) for each in found) == [
        *((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2))
    ]


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        ("stop_atr", {}, "no set of parameters"),
        ({"a": 1}, {}, "values of a are 1"),
        ({"a": "xy"}, {}, "values of a are 'xy'"),
        ({"a": []}, {}, "a has no value"),
        ([], {}, "no configuration"),
        ([{"a": 1}, 2], {}, "2 is no configuration"),
        ([{"a": 1}], {"sample": 3}, "cannot be sampled"),
        ({"a": (1, 2)}, {"sample": 0}, "sample is 0"),
        ({"a": (2, 1)}, {"sample": 1}, "range of a"),
        ({"a": (0.0, float("inf"))}, {"sample": 1}, "range of a"),
    ],
)
def test_nonsense_is_named(space: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Configurations.of(space, **options)


def defined(text: str) -> Any:
    """A function `f` as a cell of a notebook defines it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(text, names)  # noqa: S102 — our own text
    return names["f"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(p): return p", "def f(p): return p + 1"),
        ("def f(p, n=1): return n", "def f(p, n=2): return n"),
        ("N = 1\ndef f(p): return N", "N = 2\ndef f(p): return N"),
        ("def g(): return 1\ndef f(p): return g()", "def g(): return 2\ndef f(p): return g()"),
        (
            "class G:\n    def h(self): return 1\ndef f(p): return G().h()",
            "class G:\n    def h(self): return 2\ndef f(p): return G().h()",
        ),
        (
            "def h(n):\n    def f(p): return n\n    return f\nf = h(1)",
            "def h(n):\n    def f(p): return n\n    return f\nf = h(2)",
        ),
        ("def f(p): return [x for x in p if x > 1]", "def f(p): return [x for x in p if x > 2]"),
        (
            "import numpy\nN = numpy.ones(2)\ndef f(p): return N",
            "import numpy\nN = numpy.zeros(2)\ndef f(p): return N",
        ),
    ],
)
def test_a_source_that_changed_is_another(one: str, other: str) -> None:
    assert source_digest(defined(one)) == source_digest(defined(one))
    assert source_digest(defined(one)) != source_digest(defined(other))


def test_what_cannot_be_compared_is_never_the_same() -> None:
    text = "import threading\nlock = threading.Lock()\ndef f(p): return lock"
    assert source_digest(defined(text)) != source_digest(defined(text))
