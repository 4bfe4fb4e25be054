"""Sets: how they are named and chosen, how they are kept, and what a feature of one sees."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.features import feature_registry
from quant_platform.features.compute import compute_features
from quant_platform.features.context import FeatureContext
from quant_platform.features.extras import Extras
from quant_platform.features.feature_registry import (
    Feature,
    all_features,
    collect,
    feature,
    features_of,
    select,
    sets,
)
from quant_platform.features.feature_set import TECHNICAL, FeatureDefinitionError, FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform_tests.support.panels import random_market

SMALL = FeatureSet("small", "Kept in four bytes.", storage="float4")
WIDE = FeatureSet("wide", "Looks across.", across=True)


@feature(lookback=1, inputs=("close",), of=SMALL)
def third(context: FeatureContext) -> FloatArray:
    """A third of the close."""
    return context.close / 3.0


@feature(lookback=1, inputs=("volume",), of=SMALL)
def huge(context: FeatureContext) -> FloatArray:
    """More than four bytes can hold."""
    return context.volume * 1e300


@feature(lookback=1, inputs=("close", "member"), of=WIDE)
def share(context: FeatureContext) -> FloatArray:
    """Share of the session's closes."""
    inside = np.where(context.member, context.close, np.nan)
    return inside / np.nansum(inside, axis=1, keepdims=True)


@feature(lookback=1, inputs=("market_return", "series:rate", "own:crowd.rank", "sector"))
def beside(context: FeatureContext) -> FloatArray:
    """Sum of everything that is no bar."""
    of_session = context.market_return + context.series("rate")
    return of_session[:, None] + context.own("crowd.rank") + context.sector


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The features of this file stand in the registry, too."""
    every = (*all_features(), beside, third, huge, share)
    monkeypatch.setattr(feature_registry, "all_features", lambda: every)
    yield


def test_technical_is_the_first_set_and_the_default() -> None:
    assert sets()[0] == TECHNICAL
    assert select() == select(["technical"]) == features_of(TECHNICAL)
    assert (TECHNICAL.table, SMALL.table) == ("features", "features_small")
    assert (TECHNICAL.sql_type, SMALL.sql_type) == ("double precision", "real")


@pytest.mark.usefixtures("added")
def test_a_set_stands_for_its_features() -> None:
    chosen = select(["rsi_14", "small", "third"])
    assert [each.name for each in chosen] == ["rsi_14", "third", "huge"]
    assert [each.name for each in sets()][-2:] == ["small", "wide"]
    with pytest.raises(UnknownNameError, match=r"called smal\. .*Sets: technical, .*small, wide"):
        select(["smal"])


@pytest.mark.usefixtures("added")
def test_float4_is_rounded_when_computed() -> None:
    panel = random_market(1, 30).panel()
    frame = compute_features(panel, names=["third", "sma_10", "huge"])
    assert list(frame.columns[2:]) == ["third", "sma_10", "huge"]
    assert [frame[name].dtype for name in frame.columns[2:]] == [np.float32, np.float64, np.float32]
    exact = (panel.close / 3.0)[panel.traded]
    np.testing.assert_array_equal(frame["third"], exact.astype(np.float32))
    assert frame["huge"][panel.volume[panel.traded] > 0].isna().all()


@pytest.mark.usefixtures("added")
def test_across_sees_all_members_of_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant_platform.features.compute.BLOCK_CELLS", 1)
    panel = random_market(1, 40).panel()
    member = panel.traded.copy()
    member[:, 0] = False
    frame = compute_features(panel, names=["share"], extras=Extras(member=member))
    np.testing.assert_allclose(frame.groupby("date")["share"].sum(), 1.0, rtol=1e-14)
    assert frame["share"][frame["security_id"] == panel.security_ids[0]].isna().all()
    # Where nobody says who is a member, all that trade are.
    everyone = compute_features(panel, names=["share"])
    assert everyone["share"].notna().all()


@pytest.mark.usefixtures("added")
def test_what_is_no_bar_is_given_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant_platform.features.compute.BLOCK_STEP", 3)
    panel = random_market(1, 20).panel()
    shape = panel.close.shape
    own = np.arange(float(np.prod(shape))).reshape(shape)
    extras = Extras(
        sector=np.ones(shape),
        market_return=np.full(shape[0], 0.5),
        series={"rate": np.arange(float(shape[0]))},
        own={"crowd.rank": own},
    )
    frame = compute_features(panel, names=["beside"], last=5, extras=extras)
    expected = (own + np.arange(float(shape[0]))[:, None] + 1.5)[-5:][panel.traded[-5:]]
    assert frame["beside"].tolist() == expected.tolist()
    assert compute_features(panel, names=["beside"])["beside"].isna().all()


def test_definitions_that_cannot_be_used() -> None:
    for name in ("Small", "1st", "", "a" * 41):
        with pytest.raises(FeatureDefinitionError, match="snake_case"):
            FeatureSet(name, "A set.")
    with pytest.raises(FeatureDefinitionError, match="one line"):
        FeatureSet("small", "")
    with pytest.raises(FeatureDefinitionError, match="neither"):
        FeatureSet("small", "A set.", storage="float2")  # type: ignore[arg-type]
    again = FeatureSet("small", "Another one.")
    twice = Feature("other", 10, ("close",), third.function, "Other.", again)
    alike = Feature("wide", 10, ("close",), third.function, "Called like a set.")
    with pytest.raises(FeatureDefinitionError, match="Two feature sets are called 'small'"):
        collect([SimpleNamespace(__name__="a", third=third, twice=twice)])  # type: ignore[list-item]
    with pytest.raises(FeatureDefinitionError, match="A feature and a set are called 'wide'"):
        collect([SimpleNamespace(__name__="a", share=share, alike=alike)])  # type: ignore[list-item]
