"""What a strategy is judged against."""

import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.strategies.benchmarks import benchmark_of, benchmark_tickers, is_symbol
from quant_platform.strategies.library.equal_weight import EqualWeight
from quant_platform.strategies.library.mean_reversion import MeanReversion


class _AgainstSpy(MeanReversion):
    """States a benchmark of its own."""

    benchmark = "symbol:SPY"


def test_its_own_comes_before_the_default() -> None:
    models = ("buy_and_hold", "equal_weight")
    assert benchmark_of(MeanReversion(), "buy_and_hold", models) == "buy_and_hold"
    assert benchmark_of(_AgainstSpy(), "buy_and_hold", models) == "symbol:SPY"
    assert benchmark_of(EqualWeight(), "equal_weight", models) == "equal_weight"


def test_tickers_among_the_benchmarks() -> None:
    strategies = [MeanReversion(), _AgainstSpy()]
    assert benchmark_tickers(strategies, "equal_weight") == ["SPY"]
    assert benchmark_tickers(strategies, "symbol:IBM") == ["IBM", "SPY"]
    assert benchmark_tickers(strategies[:1], "equal_weight") == []


@pytest.mark.parametrize("name", ["spy", "symbol:"])
def test_what_is_neither_model_nor_security_is_refused(name: str) -> None:
    assert not is_symbol(name)
    with pytest.raises(UnknownNameError, match=f"The benchmark of mean_reversion is '{name}'"):
        benchmark_of(MeanReversion(), name, ("equal_weight",))
