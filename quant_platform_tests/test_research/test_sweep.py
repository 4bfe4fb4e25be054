"""A sweep over a market of five sessions, worked out by hand: 9, 10, 20, 20 and a dividend of 1, 5.

A function that holds a share of the equity from the second session on buys at the open of 10; with
half of 1,000 it holds 50 shares, which are worth 500, 1,000, 1,000 with 50 in cash, and 250.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.features import feature_registry
from quant_platform.market.panel import Panel
from quant_platform.research import sweep as module
from quant_platform.research.store import Store
from quant_platform.research.sweep_result import Sweep
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.data_version import DataVersion
from quant_platform.storage.database import Database
from quant_platform.storage.trial_file import FILE
from quant_platform.storage.trials import METRIC_COLUMNS
from quant_platform.strategies.book import Book
from quant_platform.strategies.library.equal_weight import EqualWeight
from quant_platform_tests.support.five_sessions import FIRST, FREE, LAST, store_market
from quant_platform_tests.support.readers import reading_login
from quant_platform_tests.support.tables import empty_ledger, fetch

RUN: list[float] = []
"""Shares that were run, in their order."""


def part(panel: Panel, share: float, fault: str = "") -> np.ndarray:
    """Hold a share of the equity."""
    RUN.append(share)
    if fault == "raises" and share == 0.2:
        raise ValueError("no such luck")
    if fault == "nan" and share == 0.2:
        return np.full(panel.close.shape, np.nan)
    if fault == "writes":
        panel.close[:] = 1.0
    return np.full(panel.close.shape, share)


part.features = ()  # type: ignore[attr-defined]
part.lookback = 1  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def store(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    name = server.create(template)
    database = store_market(Database(server.url(name)))
    home = tmp_path_factory.mktemp("home")
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(home)}
    yield Store(database, Settings.load(values, home))
    database.close()
    server.drop(name)


@pytest.fixture(autouse=True)
def _anew(store: Store) -> None:
    RUN.clear()
    empty_ledger(store.database)


def swept(store: Store, parameters: Any, strategy: Any = part, **options: Any) -> Sweep:
    given: dict[str, Any] = {"costs": FREE, "capital": 1000.0, "progress": False} | options
    return store.sweep(strategy, parameters, FIRST, LAST, **given)


def test_by_hand(store: Store) -> None:
    found = swept(store, {"share": [0.5, 1.0]})
    half, whole = (found.returns[each].tolist() for each in (0, 1))
    assert half == pytest.approx([0.0, 0.0, 0.5, 50 / 1500, 800 / 1550 - 1])
    assert whole == pytest.approx([0.0, 0.0, 1.0, 0.05, 600 / 2100 - 1])
    assert found.table["total_return"].tolist() == pytest.approx([-0.2, -0.4])
    assert found.table["share"].tolist() == [0.5, 1.0]
    assert (found.table["failed"] == "").all()
    ratios = found.table["sharpe_ratio"].tolist()
    assert found.best["sharpe_ratio"] == max(ratios)


@pytest.mark.parametrize("name", ["equal_weight", "enhanced_momentum"])
def test_a_strategy_gives_the_bits_of_its_backtest(store: Store, name: str) -> None:
    """That rows and arrays of signals say the same is held in `test_strategies/test_targets.py`."""
    found = swept(store, [{}], name)
    alone = store.backtest(name, FIRST, LAST, costs=FREE, capital=1000.0)
    np.testing.assert_array_equal(found.returns[0], alone.returns.astype(np.float32))
    for metric in set(found.table.columns) & set(alone.metrics.index):
        np.testing.assert_equal(found.table[metric][0], alone.metrics[metric], metric)


def test_a_function_gives_the_bits_of_its_backtest_under_all_costs(store: Store) -> None:
    found = swept(store, {"share": [0.3, 0.7]}, costs=None, capital=None)
    for number, share in enumerate((0.3, 0.7)):

        def one(panel: Panel, share: float = share) -> np.ndarray:
            return part(panel, share)

        one.features, one.lookback = (), 1  # type: ignore[attr-defined]
        alone = store.backtest(one, FIRST, LAST)
        np.testing.assert_array_equal(found.returns[number], alone.returns.astype(np.float32))
        for metric, value in alone.metrics.reindex(list(METRIC_COLUMNS)).items():
            np.testing.assert_equal(found.table[str(metric)][number], value)


def test_each_trial_is_a_row(store: Store) -> None:
    found = swept(store, {"share": [0.5, 1.0]})
    rows = fetch(
        store.database,
        "SELECT trials.id, digest, strategy, parameters, r.first_session::text,"
        " r.last_session::text, capital, total_return, daily_returns, failed"
        " FROM trials JOIN trial_runs AS r ON trial_id = trials.id ORDER BY total_return DESC",
    )
    assert fetch(store.database, "SELECT count(DISTINCT sweep_id) FROM trial_runs") == [(1,)]
    for number, row in enumerate(rows):
        run = found.runs[number]
        parameters = {"share": found.parameters[number]["share"], "fault": ""}
        assert row[:7] == (run.trial.id, run.digest, "part", parameters, FIRST, LAST, 1000.0)
        assert row[7] == found.table["total_return"][number]
        np.testing.assert_array_equal(np.float32(row[8]), found.returns[number])
        assert row[9] is None


def test_what_was_tried_is_not_tried_again(store: Store) -> None:
    first = swept(store, {"share": [0.1, 0.5]})
    RUN.clear()
    again = swept(store, {"share": [0.5, 0.9, 0.1]})
    assert set(RUN) == {0.9}
    np.testing.assert_array_equal(again.returns[[2, 0]], first.returns)
    np.testing.assert_array_equal(
        again.table.loc[[2, 0]].drop(columns="failed"), first.table.drop(columns="failed")
    )


@pytest.mark.parametrize(
    "options", [{"costs": replace(FREE, commission_bp=1.0)}, {"capital": 2000.0}]
)
def test_under_other_assumptions_it_is(store: Store, options: dict[str, Any]) -> None:
    swept(store, {"share": [0.5]})
    RUN.clear()
    swept(store, {"share": [0.5]}, **options)
    assert set(RUN) == {0.5}


def test_over_other_data_it_is(store: Store) -> None:
    swept(store, {"share": [0.5]})
    RUN.clear()
    fetch(store.database, "UPDATE market_data SET volume = volume WHERE date = %s", LAST)
    swept(store, {"share": [0.5]})
    assert set(RUN) == {0.5}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO inflation (date, observed_on, cpi) VALUES (%s, '2023-12-31', 300)",
        "INSERT INTO labor_market (date, observed_on) VALUES (%s, '2023-12-31')",
        "INSERT INTO own_data (date, dataset, field, security_id, observed_on, known_at, symbol,"
        " value) VALUES (%s, 'mine', 'x', '', '2023-12-31', '2024-01-01T00:00Z', '', 1)",
    ],
)
def test_whatever_a_feature_may_read_is_data(store: Store, statement: str) -> None:
    before = DataVersion.read(store._reader.query, LAST)
    fetch(store.database, statement, FIRST)
    assert DataVersion.read(store._reader.query, LAST) != before


def test_a_feature_that_a_notebook_writes_anew_is_other_source(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_registry, "_of_notebook", {})

    def written(formula: str) -> str:
        code = (
            f"@feature(lookback=1, inputs=('close',))\ndef mine(c):\n    'x'\n    return {formula}"
        )
        exec(code, {"__name__": "__main__", "feature": feature_registry.feature})  # noqa: S102
        RUN.clear()  # a value that the strategy refers to
        return swept(store, {"share": [0.5]}).trials[0].id

    once, again, other = written("c.close"), written("c.close"), written("-c.close")
    assert once == again != other
    assert [each.name for each in feature_registry.known_features()].count("mine") == 1
    with pytest.raises(ContractError, match="There is a feature rsi_14 already"):
        exec(  # noqa: S102 - as a cell of a notebook
            "@feature(lookback=1, inputs=('close',))\ndef rsi_14(c):\n    'x'",
            {"__name__": "__main__", "feature": feature_registry.feature},
        )


def test_models_of_the_settings_go_by_their_names(store: Store, tmp_path: Path) -> None:
    """With their parameters where the sweep gives none, as strategy and as benchmark."""
    text = "default; enhanced_momentum(stop_atr=3); tight=enhanced_momentum(max_holding=5)"
    settings = Settings.load({PREFIX + "MODELS": text, PREFIX + "HOME": str(tmp_path)}, tmp_path)
    own = Store(store.database, settings)
    grid = {"min_volume_ratio": [1.1]}
    for name, held in (("enhanced_momentum", (3.0, 60)), ("tight", (2.0, 5))):
        done = own.sweep(name, grid, FIRST, LAST, progress=False, resume=False, benchmark="tight")
        (trial,) = done.trials
        given = json.loads(trial.parameters)
        assert trial.strategy == name
        assert (given["stop_atr"], given["max_holding"], given["min_volume_ratio"]) == (*held, 1.1)


def test_a_strategy_may_name_a_model_of_the_settings_as_its_benchmark(store: Store) -> None:
    class Against(EqualWeight):
        name = "against"
        benchmark = "tight"

    own = Store(store.database, Settings(models="default; tight=enhanced_momentum(max_holding=5)"))
    done = own.sweep(Against, [{}], FIRST, LAST, progress=False, resume=False)
    assert "max_holding=5" in done.trials[0].benchmark
    with pytest.raises(UnknownNameError, match="no strategy or model tight"):
        store.sweep(Against, [{}], FIRST, LAST, progress=False)


@pytest.mark.parametrize("strategy", ["core", Book("core", ["equal_weight", "mean_reversion"])])
def test_a_book_is_refused(store: Store, strategy: Any) -> None:
    own = Store(store.database, Settings(books="core = equal(buy_and_hold, mean_reversion)"))
    with pytest.raises(SettingsError, match=r"core is a book, and a sweep is of one .* Sweep its"):
        own.sweep(strategy, {"lookback": [20, 60]}, FIRST, LAST, progress=False)


def test_stopped_it_goes_on_where_it_ended(store: Store) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    with pytest.raises(KeyboardInterrupt, match="2 of 8 configurations are kept"):
        swept(store, {"share": shares}, progress=stop)
    RUN.clear()
    found = swept(store, {"share": shares})
    assert set(RUN) == set(shares) - {0.1, 0.2}
    assert found.table["share"].tolist() == shares
    assert found.returns.notna().all(axis=None)


@pytest.mark.parametrize(
    ("fault", "reason"), [("raises", "ValueError: no such luck"), ("nan", "gave the weight nan")]
)
def test_a_configuration_fails_alone(store: Store, fault: str, reason: str) -> None:
    found = swept(store, {"share": [0.1, 0.2, 0.3], "fault": [fault]})
    assert reason in found.table["failed"][1]
    assert found.table["failed"][[0, 2]].tolist() == ["", ""]
    assert found.returns[1].isna().all()
    sound = swept(store, {"share": [0.1, 0.3]}, resume=False)
    np.testing.assert_array_equal(found.returns[[0, 2]], sound.returns)
    assert found.verdict.failed == 1
    # It is tried again; it may have been the machine.
    RUN.clear()
    swept(store, {"share": [0.1, 0.2, 0.3], "fault": [fault]})
    assert set(RUN) == {0.2}
    assert fetch(store.database, "SELECT count(*) FROM trial_runs WHERE failed IS NOT NULL") == [
        (1,)
    ]


def test_what_all_read_none_may_write(store: Store) -> None:
    found = swept(store, {"share": [0.1], "fault": ["writes"]})
    assert "read-only" in found.table["failed"][0]


@pytest.mark.parametrize(
    ("strategy", "parameters", "message"),
    [
        ("enhanced_momentum", {"stop_atr": [1.0, -1.0]}, "stop_atr is -1.0; in stop_atr=-1.0"),
        ("enhanced_momentum", {"stop": [1.0]}, "no parameter stop; in stop=1.0"),
        (
            "enhanced_momentum",
            {"rsi_low": [20.0, 90.0], "max_holding": [5]},
            "must be below rsi_high .*in rsi_low=90.0, max_holding=5",
        ),
        (part, {"share": [0.1], "shore": [0.2]}, "part cannot be called .*'shore'"),
        (part, {"fault": ["x"]}, "part cannot be called .*'share'"),
        (7, {"share": [0.1]}, "7 is no strategy"),
    ],
)
def test_a_parameter_that_is_refused_is_named_before_anything_is_read(
    strategy: Any, parameters: Any, message: str
) -> None:
    nowhere = Store(Database("postgresql://127.0.0.1:1/none"))
    with pytest.raises(SettingsError, match=message):
        swept(nowhere, parameters, strategy, resume=False)


def test_a_million_configurations_ask_first(store: Store) -> None:
    grid = {"share": [each / 1e6 for each in range(1_000_000)]}
    with pytest.raises(SettingsError, match=r"1,000,000 configurations: about .* and 0.6 GB") as e:
        swept(store, grid)
    assert "confirm=True (--yes)" in e.value.hint
    assert fetch(store.database, "SELECT count(*) FROM trials") == [(0,)]


def test_confirmed_they_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNASKED", 1)
    assert len(swept(store, {"share": [0.1, 0.2]}, confirm=True)) == 2


@contextmanager
def reading(store: Store, may_record: bool) -> Iterator[Store]:
    """Lend the store by a login that may only read, and may or may not call the one function."""
    right = "EXECUTE ON FUNCTION record_trial(jsonb, jsonb, jsonb)"
    if not may_record:
        fetch(store.database, f"REVOKE {right} FROM PUBLIC")
    try:
        with reading_login(store.database) as database:
            yield Store(database, store.settings)
    finally:
        fetch(store.database, f"GRANT {right} TO PUBLIC")


def test_who_may_only_read_is_counted_and_goes_on(store: Store) -> None:
    with reading(store, may_record=True) as reader:
        first = swept(reader, {"share": [0.1, 0.2]})
        RUN.clear()
        again = swept(reader, {"share": [0.1, 0.2]})
    assert RUN == []
    np.testing.assert_array_equal(again.returns, first.returns)
    assert fetch(store.database, "SELECT count(*) FROM trial_runs") == [(2,)]
    assert first.counted is not None
    assert first.counted.can_be_ranked
    assert first.warning == ""


def test_where_nothing_can_be_written_runs_are_kept_at_home_and_count_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with reading(store, may_record=False) as reader:
        with caplog.at_level(logging.WARNING):
            first = swept(reader, {"share": [0.1, 0.2], "fault": ["raises"]})
        said = [each for each in caplog.messages if "Runs are kept in" in each]
        assert len(said) == 1
        assert str(Path(store.settings.home) / FILE) in said[0]
        RUN.clear()
        again = swept(reader, {"share": [0.1, 0.2], "fault": ["raises"]})
        alone = reader.backtest("equal_weight", FIRST, LAST)
    assert set(RUN) == {0.2}
    np.testing.assert_array_equal(again.returns, first.returns)
    assert fetch(store.database, "SELECT count(*) FROM trials") == [(0,)]
    reason = "can enter no ranking: this login may not call record_trial()"
    for each in (first, again, alone):
        assert each.counted is not None
        assert not each.counted.can_be_ranked
        assert reason in repr(each)
        assert reason in each._repr_html_()


def test_a_surface(store: Store, tmp_path: Path) -> None:
    found = swept(store, {"share": [0.5, 1.0], "fault": ["", "x", "y"]})
    wide = found.surface("fault", "share", "total_return")
    assert wide.index.tolist() == ["", "x", "y"]
    np.testing.assert_array_equal(wide.columns, [0.5, 1.0])
    np.testing.assert_allclose(wide, [[-0.2, -0.4]] * 3)
    assert found.plot("fault", "share", "total_return").data[0].z.shape == (3, 2)
    page = found._repr_html_()
    assert "6 configurations" in page
    assert "fault (down), share (across)" not in page  # the axes are in the order of the grid
    assert "share (down), fault (across)" in page
    written = found.to_html(tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert page in written
    assert '<div id="' in written
    assert 'src="http' not in written
    with pytest.raises(UnknownNameError, match=r"no parameter 'shore'"):
        found.surface("shore", "share")
    with pytest.raises(UnknownNameError, match="no figure 'sharpe'"):
        found.surface("fault", "share", "sharpe")


def test_the_other_parameters_of_a_surface_are_the_best_or_those_given(store: Store) -> None:
    """The best of three: the verdict's figures are those of its row."""
    space = [
        {"share": share, "fault": fault, "third": third}
        for share in (0.5, 1.0)
        for fault in ("", "x")
        for third in (1, 2)
    ]

    def three(panel: Panel, share: float, fault: str, third: int) -> np.ndarray:
        return part(panel, share / third)

    three.features, three.lookback = (), 1  # type: ignore[attr-defined]
    found = swept(store, space, three)
    best = found.best
    assert found.verdict.sharpe_ratio == best["sharpe_ratio"]
    wide = found.surface("share", "fault")
    assert wide.loc[best["share"], best["fault"]] == best["sharpe_ratio"]
    of_two = found.surface("share", "fault", "total_return", third=2)
    # A share of 0.5 of the equity loses 0.2, one of 0.25 half of that.
    np.testing.assert_allclose(of_two, [[-0.1, -0.1], [-0.2, -0.2]])


def test_a_sample_is_the_same_again(store: Store) -> None:
    one, two = (swept(store, {"share": (0.0, 1.0)}, sample=5, seed=3, resume=False) for _ in (1, 2))
    assert one.kind == "sample"
    np.testing.assert_array_equal(one.table["share"], two.table["share"])
    np.testing.assert_array_equal(one.returns, two.returns)


def test_an_instance_keeps_its_own_parameters(store: Store) -> None:
    from quant_platform.strategies.library.enhanced_momentum import EnhancedMomentum

    found = swept(store, {"stop_atr": [1.0]}, EnhancedMomentum(max_holding=7))
    by_class = swept(store, [{"stop_atr": 1.0, "max_holding": 7}], EnhancedMomentum)
    assert '"max_holding": 7' in found.trials[0].parameters
    assert [each.id for each in found.trials] == [each.id for each in by_class.trials]


def test_as_known_at_a_moment(store: Store) -> None:
    """At noon of the day on which everything was learned, all of it was known."""
    then = swept(store.at("2024-02-01T13:00Z"), {"share": [0.5]})
    now = swept(store, {"share": [0.5]})
    np.testing.assert_array_equal(then.returns, now.returns)
    assert then.runs[0].data_version != now.runs[0].data_version


def test_threads_change_no_bit(store: Store) -> None:
    def run(threads: int) -> Sweep:
        return module.sweep(
            store._reader,
            part,
            {"share": [0.1, 0.2, 0.3, 0.4, 0.5]},
            FIRST,
            LAST,
            progress=False,
            threads=threads,
        )

    np.testing.assert_array_equal(run(1).returns, run(4).returns)
