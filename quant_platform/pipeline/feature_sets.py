"""Which feature sets are stored: those that the settings name, and those that models read.

What does not belong here: what a set is (`features/`), and its table (`storage/`).
"""

from collections.abc import Sequence

from quant_platform.errors import SettingsError
from quant_platform.features.feature_registry import all_features, select, sets
from quant_platform.features.feature_set import FeatureSet
from quant_platform.settings import PREFIX, Settings
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.models import models_of

VARIABLE = PREFIX + "FEATURE_SETS"


def stored_sets(settings: Settings) -> tuple[FeatureSet, ...]:
    """Return the sets that are computed and stored each day, in the order of the registry.

    Raises
    ------
    SettingsError
        The settings name a set that does not exist.
    """
    unknown = set(settings.feature_sets) - {each.name for each in sets()}
    if unknown:
        raise SettingsError(
            f"{VARIABLE} names {', '.join(sorted(unknown))}, which is no feature set",
            f"There are: {', '.join(each.name for each in sets())}",
        )
    read = {each for model in models_of(settings) for each in sets_read(all_read(model))}
    return tuple(each for each in sets() if each.name in settings.feature_sets or each in read)


def all_read(model: Strategy) -> tuple[str, ...]:
    """Return the features that a model reads itself, and those that its forecaster learns from."""
    if model.forecaster is None:
        return model.features
    return (*model.features, *(each.name for each in select(model.forecaster.features)))


def sets_read(features: Sequence[str]) -> tuple[FeatureSet, ...]:
    """Return the sets that these features belong to, in the order of the registry."""
    of = {each.of for each in all_features() if each.name in features}
    return tuple(each for each in sets() if each in of)


def columns_of(strategy: Strategy, chosen: FeatureSet) -> tuple[str, ...]:
    """Return the features of a set that a strategy reads, and those of it that no set has.

    The latter go with the first set that it reads, so that reading them tells that there are none.
    """
    of = {each.name: each.of for each in all_features()}
    first = next(iter(sets_read(strategy.features)), chosen)
    return tuple(name for name in strategy.features if of.get(name, first) == chosen)
