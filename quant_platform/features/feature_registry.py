"""The feature decorators and the list of all features.

What belongs here: what a feature *is* (name, look-back, inputs, description) and how the platform
finds it. What does not: formulas (`library/`), and running features over panels (`compute.py`).

To add a feature, put one file into `library/`:

    from quant_platform.features.context import FeatureContext
    from quant_platform.kernels.windows import window_mean
    from quant_platform.kernels.arrays import FloatArray
    from quant_platform.features.feature_registry import feature

    @feature(lookback=5, inputs=("high", "low", "split"))
    def mean_range_5(context: FeatureContext) -> FloatArray:
        \"\"\"Mean of high minus low over 5 sessions, in currency per share.\"\"\"
        return window_mean(context.high - context.low, 5, context.price_carry)

The decorator turns the function into a `Feature`; nothing else is needed. It belongs to the set
`technical` unless the decorator is given another one with `of`. `all_features` imports the modules
of `library/` and of its folders in alphabetical order, then the extensions, and collects their
`Feature` objects (and tuples of them): the set `technical` first, then the others by name, each in
order of definition.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType

import numpy as np

from quant_platform.conventions import FILL_LIMIT
from quant_platform.errors import ContractError, UnknownNameError
from quant_platform.extensions import extension_modules
from quant_platform.features import library
from quant_platform.features.context import FeatureContext
from quant_platform.features.extras import FIELDS, NAMED, is_extra
from quant_platform.features.feature_set import (
    SNAKE_CASE,
    TECHNICAL,
    FeatureDefinitionError,
    FeatureSet,
)
from quant_platform.kernels.arrays import FloatArray

FeatureFunction = Callable[[FeatureContext], FloatArray]
FamilyFunction = Callable[[FeatureContext, int], FloatArray]

INPUTS = (
    *("open", "high", "low", "close", "volume", "vwap", "split", "dividend"),
    *("sentiment", "articles"),
)
"""Panel fields that a feature may name as its inputs; beside them, those of `extras.py`."""

LONGEST_NAME = 63
"""Bytes PostgreSQL keeps of an identifier."""

TABLE_COLUMNS = frozenset({"date", "symbol", "security_id", "recorded_at", "superseded_at"})
"""Columns that the tables of features and their histories have of their own."""

_KEY_WORDS = """
    all analyse analyze and any array as asc asymmetric authorization between binary both case
    cast check collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user default
    deferrable desc distinct do else end except false fetch for foreign freeze from full grant
    group having ilike in initially inner intersect into is isnull join lateral leading left
    like limit localtime localtimestamp natural not notnull null offset on only or order outer
    overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with
"""

RESERVED_WORDS = frozenset(_KEY_WORDS.split())
"""Key words that PostgreSQL does not accept as a bare column name (its manual, appendix C)."""


@dataclass(frozen=True)
class Feature:
    """A named quantity of every session and symbol.

    Attributes
    ----------
    name : snake_case, unique, usable as a bare SQL column name
    lookback : sessions, the current one included, that a value may depend on; with the `FILL_LIMIT`
        sessions from which a missing bar may be filled
    inputs : the panel fields it depends on, and what it reads beside them (`extras.py`)
    function : computes it from a `FeatureContext` as a (sessions, symbols) array, NaN where
        undefined
    description : one line: what it is, its formula and unit
    of : the set it belongs to
    source : where the formula comes from, as its docstring says after `Source:`; may be empty
    """

    name: str
    lookback: int
    inputs: tuple[str, ...]
    function: FeatureFunction
    description: str
    of: FeatureSet = TECHNICAL
    source: str = ""

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise FeatureDefinitionError(
                f"Feature {self.name!r} {problem}",
                "See the example at the top of quant_platform/features/feature_registry.py.",
            )

    def _problem(self) -> str:
        """Return what is wrong with the definition, or an empty string."""
        if not SNAKE_CASE.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            return f"needs a snake_case name of at most {LONGEST_NAME} characters"
        if self.name in RESERVED_WORDS | TABLE_COLUMNS:
            return "has a name that SQL or the table itself already uses"
        if self.lookback <= FILL_LIMIT:
            return "needs a look-back of at least 1 session"
        unknown = [field for field in self.inputs if field not in INPUTS and not is_extra(field)]
        if unknown or not self.inputs:
            known = (*INPUTS, *FIELDS, *NAMED)
            return f"names inputs {self.inputs}, but must name one or more of {', '.join(known)}"
        if not self.description:
            return "needs a docstring"
        return ""

    def compute(self, context: FeatureContext) -> FloatArray:
        """Return the feature over the context's panel: float64 of shape (sessions, symbols).

        Divisions by zero and the like give NaN or infinity without a warning.

        Raises
        ------
        FeatureDefinitionError : the function returned something else
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = self.function(context)
        shape = context.close.shape
        if (
            not isinstance(values, np.ndarray)
            or values.dtype != np.float64
            or values.shape != shape
        ):
            returned = f"{getattr(values, 'dtype', type(values))} {getattr(values, 'shape', '')}"
            raise FeatureDefinitionError(
                f"Feature {self.name!r} returned {returned.strip()}",
                f"It must return a float64 array of shape {shape}.",
            )
        return values


NOTEBOOK = "__main__"
"""Module of what is written in a notebook or a script."""

_of_notebook: dict[str, Feature] = {}


def feature(
    *, lookback: int, inputs: Sequence[str], name: str | None = None, of: FeatureSet = TECHNICAL
) -> Callable[[FeatureFunction], Feature]:
    """Turn a function of a `FeatureContext` into a `Feature`.

    One that is written in a notebook is known there by its name, and takes the place of an earlier
    one of that name when the cell runs again.

    Parameters
    ----------
    lookback : sessions the formula reaches back, the current one included; `FILL_LIMIT` is added
        here
    inputs : panel fields it depends on, `split` among them if it looks back over splits
    name : the function's name by default
    of : the set it belongs to
    """

    def decorate(function: FeatureFunction) -> Feature:
        made = Feature(
            name=function.__name__ if name is None else name,
            lookback=lookback + FILL_LIMIT,
            inputs=tuple(inputs),
            function=function,
            description=_first_line(function.__doc__),
            of=of,
            source=_source(function.__doc__),
        )
        if function.__module__ == NOTEBOOK:
            _know(made)
        return made

    return decorate


def _know(written: Feature) -> None:
    if written.name in {each.name for each in all_features()}:
        raise ContractError(
            f"There is a feature {written.name} already", "Give the function another name"
        )
    _of_notebook[written.name] = written


def feature_family(
    sizes: Sequence[int],
    *,
    name: str,
    lookback: Callable[[int], int],
    inputs: Sequence[str],
    of: FeatureSet = TECHNICAL,
) -> Callable[[FamilyFunction], tuple[Feature, ...]]:
    """Turn a function of a context and a window size n into one `Feature` per size.

    Parameters
    ----------
    sizes : the values of n
    name : with `{n}` in it; so may be the function's docstring
    lookback : sessions the formula reaches back for n, the current one included; `FILL_LIMIT` is
        added here
    inputs, of : as for `feature`
    """

    def decorate(function: FamilyFunction) -> tuple[Feature, ...]:
        return tuple(
            Feature(
                name=name.replace("{n}", str(n)),
                lookback=lookback(n) + FILL_LIMIT,
                inputs=tuple(inputs),
                function=partial(_of_size, function=function, n=n),
                description=_first_line(function.__doc__).replace("{n}", str(n)),
                of=of,
                source=_source(function.__doc__),
            )
            for n in sizes
        )

    return decorate


def notebook_features() -> tuple[Feature, ...]:
    """Return the features that were written in this notebook."""
    return tuple(_of_notebook.values())


def take_notebook_features(features: Iterable[Feature]) -> None:
    """Know the features of another process's notebook, and no others of a notebook."""
    written = {each.name: each for each in features}
    _of_notebook.clear()
    _of_notebook.update(written)


def known_features() -> tuple[Feature, ...]:
    """Return `all_features` and `notebook_features`."""
    return (*all_features(), *notebook_features())


@cache
def all_features() -> tuple[Feature, ...]:
    """Return every feature of every set, `technical` first, then by the names of the sets.

    Raises
    ------
    FeatureDefinitionError : a definition is wrong, or two features or sets share a name
    """
    modules = pkgutil.walk_packages(library.__path__, f"{library.__name__}.")
    own = [importlib.import_module(name) for name in sorted(module.name for module in modules)]
    found = collect([*own, *extension_modules()])
    return tuple(sorted(found, key=lambda each: (each.of != TECHNICAL, each.of.name)))


def sets() -> tuple[FeatureSet, ...]:
    """Return the sets that have a feature, `technical` first, then by name."""
    return tuple(dict.fromkeys(each.of for each in all_features()))


def features_of(chosen: FeatureSet) -> tuple[Feature, ...]:
    """Return the features of a set, in the order of its table's columns."""
    return tuple(each for each in all_features() if each.of == chosen)


def collect(modules: Iterable[ModuleType]) -> tuple[Feature, ...]:
    """Return the features among the names of `modules`; an imported one counts once.

    Raises
    ------
    FeatureDefinitionError : two features share a name, or a set's name is not its own
    """
    by_name: dict[str, tuple[Feature, str]] = {}
    for module in modules:
        for candidate in _features_in(module):
            first, where = by_name.setdefault(candidate.name, (candidate, module.__name__))
            if first is not candidate:
                raise FeatureDefinitionError(
                    f"Two features are called {candidate.name!r}: in {where} and {module.__name__}",
                    "Rename one of them.",
                )
    found = tuple(first for first, _ in by_name.values())
    _check_sets(found)
    return found


def _check_sets(features: Iterable[Feature]) -> None:
    """Refuse a set that is defined twice, or called like a feature."""
    by_name: dict[str, FeatureSet] = {}
    for each in features:
        if by_name.setdefault(each.of.name, each.of) != each.of:
            raise FeatureDefinitionError(
                f"Two feature sets are called {each.of.name!r}", "Rename one of them."
            )
    for each in features:
        if each.name in by_name:
            raise FeatureDefinitionError(
                f"A feature and a set are called {each.name!r}", "Rename one of them."
            )


def select(names: Sequence[str] | None = None) -> tuple[Feature, ...]:
    """Return features in this order; a set's name stands for all of its features.

    Parameters
    ----------
    names : of features and sets; None: the set `technical`

    Raises
    ------
    UnknownNameError : there is no feature or set of that name
    """
    if names is None:
        return features_of(TECHNICAL)
    every = known_features()
    by_name = {each.name: (each,) for each in every}
    for each in every:
        by_name[each.of.name] = (*by_name.get(each.of.name, ()), each)
    unknown = sorted(set(names) - set(by_name))
    if unknown:
        raise UnknownNameError(f"No feature is called {', '.join(unknown)}", _hint(unknown))
    return tuple(dict.fromkeys(each for name in names for each in by_name[name]))


def _hint(unknown: Sequence[str]) -> str:
    """Names that are close, and the sets."""
    names = [each.name for each in known_features()]
    close = [near for name in unknown for near in difflib.get_close_matches(name, names)]
    meant = f"Like it: {', '.join(dict.fromkeys(close))}. " if close else ""
    every = ", ".join(each.name for each in sets())
    return f"{meant}Sets: {every}; quant-platform list features shows all."


def _features_in(module: ModuleType) -> Iterator[Feature]:
    for value in vars(module).values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Feature):
                yield item


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0].strip()


def _source(docstring: str | None) -> str:
    """Return what stands after `Source:`, up to the paragraph's end, in one line."""
    text = (docstring or "").partition("Source:")[2].split("\n\n")[0]
    return " ".join(text.split()).rstrip(".")


def _of_size(context: FeatureContext, *, function: FamilyFunction, n: int) -> FloatArray:
    return function(context, n)
