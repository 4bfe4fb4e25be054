"""Walk-forward and cross-validation over five sessions, worked out by hand: 9, 10, 20, 20, then 5.

The market pays a dividend of 1 with the fourth session as its ex-date, which what is bought at that
session's open does not have.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from quant_platform.errors import SettingsError
from quant_platform.market.panel import Panel
from quant_platform.research import validation as module
from quant_platform.research.store import Store
from quant_platform.research.validation_result import Validation
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.strategies.book import Book
from quant_platform_tests.support.five_sessions import FIRST, FREE, LAST, store_market
from quant_platform_tests.support.tables import empty_ledger, fetch

RUN: list[tuple[float, str]] = []
"""Shares that were run, and the last session that each run saw."""


def part(panel: Panel, share: float, fault: str = "") -> np.ndarray:
    """Hold a share of the equity."""
    last = str(panel.sessions[-1])
    RUN.append((share, last))
    if fault == "training" and last <= "2024-01-04":
        raise ValueError("no luck in training")
    while fault == "hangs" and last <= "2024-01-04":
        pass
    if fault == "test" and share == 1.0 and last > "2024-01-04":
        raise ValueError("no luck in the test")
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


def walked(store: Store, parameters: Any, strategy: Any = part, **options: Any) -> Validation:
    given: dict[str, Any] = {
        "train": 3,
        "test": 2,
        "metric": "total_return",
        "costs": FREE,
        "capital": 1000.0,
        "progress": False,
    } | options
    return store.walk_forward(strategy, parameters, FIRST, LAST, **given)


def crossed(store: Store, parameters: Any, strategy: Any = part, **options: Any) -> Validation:
    given: dict[str, Any] = {
        "blocks": 3,
        "metric": "total_return",
        "costs": FREE,
        "capital": 1000.0,
        "progress": False,
    } | options
    return store.cross_validate(strategy, parameters, FIRST, LAST, **given)


def test_one_fold_by_hand(store: Store) -> None:
    """Training: bought at 10, worth 20. Test: the account opens on 4 January, buys on the 5th at 20
    without the dividend, and holds what falls to 5.
    """
    found = walked(store, {"share": [0.5, 1.0]})
    (fold,) = found.folds
    assert (fold.train, fold.test) == (
        ("2024-01-02", "2024-01-04", 3),
        ("2024-01-05", "2024-01-08", 2),
    )
    assert fold.in_sample.tolist() == pytest.approx([0.5, 1.0])
    assert fold.out_of_sample.tolist() == pytest.approx([-0.375, -0.75])
    row = found.table.iloc[0]
    assert (row["share"], row["failed"]) == (1.0, "")
    assert [row["best"], row["place"]] == pytest.approx([-0.375, 1 / 3])
    assert found.returns.tolist() == pytest.approx([0.0, -0.75])
    assert found.metrics["total_return"] == pytest.approx(-0.75)
    assert found.shrinkage == pytest.approx(1.75)
    assert "Chosen by total return in 1 fold: 1.00 in training and -0.75" in found.sentence
    assert "175% less" in found.sentence


def test_each_run_is_a_trial_and_is_found_again(store: Store) -> None:
    """Two configurations in one training part and one test: four trials, as backtests of them."""
    first = walked(store, {"share": [0.5, 1.0]})
    rows = fetch(
        store.database,
        "SELECT r.first_session::text, r.last_session::text, count(*) FROM trials"
        " JOIN trial_runs AS r ON trial_id = trials.id GROUP BY 1, 2 ORDER BY 1",
    )
    assert rows == [("2024-01-02", "2024-01-04", 2), ("2024-01-04", "2024-01-08", 2)]
    assert first.counted is not None
    assert first.counted.trials == 4
    RUN.clear()
    again = walked(store, {"share": [0.5, 1.0]})
    assert RUN == []
    assert again.tested.tobytes() == first.tested.tobytes()
    assert again.table.equals(first.table)
    alone = store.sweep(
        part, {"share": [1.0]}, FIRST, "2024-01-04", costs=FREE, capital=1000.0, progress=False
    )
    assert RUN == []
    assert alone.table["total_return"][0] == first.folds[0].in_sample[1]


def test_no_strategy_sees_what_comes_after_its_window(store: Store) -> None:
    walked(store, {"share": [0.5]}, train=2, test=1, growing=True)
    assert {last for _, last in RUN} == {
        "2024-01-03",
        "2024-01-04",
        "2024-01-05",
        "2024-01-08",
    }


def test_stopped_it_goes_on_where_it_ended(store: Store) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="2 of 4 runs are kept"):
        walked(store, {"share": [0.5, 1.0]}, progress=stop)
    RUN.clear()
    found = walked(store, {"share": [0.5, 1.0]})
    assert {last for _, last in RUN} == {LAST}
    assert found.failures == {}


def test_a_fold_that_fails_says_why_and_harms_no_other(store: Store) -> None:
    """Two folds; in the first nothing can be chosen, in the second there is a choice."""
    found = walked(store, {"share": [0.5, 1.0], "fault": ["training"]}, train=3, test=1)
    assert found.failures[1].startswith("ValueError: no luck in training")
    assert found.folds[0].chosen == -1
    assert found.returns.isna().tolist() == [True, False]
    sound = walked(store, {"share": [0.5, 1.0]}, train=3, test=1)
    np.testing.assert_array_equal(found.folds[1].in_sample, sound.folds[1].in_sample)
    assert found.returns.iloc[1] == sound.returns.iloc[1]
    assert (
        "1 fold has no figure out of sample; fold 1: ValueError: no luck in training"
        in found.sentence
    )
    assert "no luck in training" in found._repr_html_()


def test_what_never_ends_harms_no_other_window(store: Store) -> None:
    found = walked(store, {"share": [0.5], "fault": ["hangs"]}, test=1, time_limit=0.3)
    assert "did not end within 0.3 s" in found.failures[1]
    assert len(found.failures) == 1
    assert found.returns.notna().tolist() == [False, True]


def test_what_was_chosen_may_fail_in_the_test(store: Store) -> None:
    found = walked(store, {"share": [0.5, 1.0], "fault": ["test"]})
    (fold,) = found.folds
    assert fold.chosen == 1
    assert fold.failed.startswith("ValueError: no luck in the test")
    assert np.isnan(fold.figures[1])
    assert found.returns.isna().all()
    assert found.metrics.isna().all()
    assert found.sentence.startswith("Nothing chosen by total return has a result out of sample")


def test_no_figure_in_training_is_no_choice(store: Store) -> None:
    """Cash alone has no Sharpe ratio."""
    found = walked(store, {"share": [0.0]}, metric="sharpe_ratio")
    assert found.failures == {1: "no configuration has this figure in training"}
    assert found.table["in_sample"].isna().all()


def test_no_figure_in_the_test_is_named(store: Store) -> None:
    """A first half in cash after which nothing is held has a return, and no Sharpe ratio."""

    def early(panel: Panel, share: float) -> np.ndarray:
        is_early = panel.sessions <= np.datetime64("2024-01-03")
        return np.where(is_early[:, None], share, 0.0) * np.ones(panel.close.shape)

    early.features, early.lookback = (), 1  # type: ignore[attr-defined]
    found = walked(store, {"share": [1.0]}, early, metric="sharpe_ratio")
    assert found.folds[0].chosen == 0
    assert found.failures == {1: "what was chosen does not have this figure in the test"}
    assert found.returns.tolist() == [0.0, 0.0]
    assert found.metrics["total_return"] == 0.0


def test_as_known_at_a_moment(store: Store) -> None:
    """At noon of the day on which everything was learned, all of it was known."""
    then = walked(store.at("2024-02-01T13:00Z"), {"share": [0.5, 1.0]})
    now = walked(store, {"share": [0.5, 1.0]})
    assert then.table.equals(now.table)
    assert then.runs[0].data_version != now.runs[0].data_version


def test_equal_figures_choose_the_first(store: Store) -> None:
    found = walked(store, {"fault": ["x", "y"], "share": [1.0]})
    assert found.folds[0].chosen == 0
    assert found.table["fault"].tolist() == ["x"]


def test_blocks_by_hand(store: Store) -> None:
    """Blocks of 2, 2 and 1 sessions, each with an account of its own, all of the equity held.

    The first one opens on 2 January and buys on the 3rd at 10, which closes at 10: 0, 0. The
    second one opens on the 3rd and buys on the 4th at 20: 0, and then 1 of 20: 0.05. The third one
    opens on the 5th and buys on the 8th at 5: 0.
    """
    found = crossed(store, {"share": [1.0]}, combinatorial=False)
    assert found.method == "purged"
    assert found.tested[:, 0].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.05, 0.0])
    assert [fold.out_of_sample[0] for fold in found.folds] == pytest.approx([0.0, 0.05, 0.0])
    assert [fold.in_sample[0] for fold in found.folds] == pytest.approx([0.05, 0.0, 0.05])
    assert found.returns.tolist() == pytest.approx([0.0, 0.0, 0.0, 0.05, 0.0])


def test_paths_are_put_together_as_the_book_does(store: Store) -> None:
    """Three blocks, two of them tested: folds (1,2), (1,3), (2,3), and two paths.

    Path 1 has block 1 and 2 of the first fold and block 3 of the second; path 2 has block 1 of the
    second fold, and 2 and 3 of the third (López de Prado 2018, section 12.4.2). A share of 1 is
    chosen where block 2 is trained on, else the first of equal ones, 0.5.
    """
    found = crossed(store, {"share": [0.5, 1.0]})
    assert found.method == "combinatorial"
    assert [fold.chosen for fold in found.folds] == [0, 1, 0]
    assert found.choices.tolist() == [[0, 0, 0, 0, 1], [1, 1, 0, 0, 0]]
    assert found.paths[0].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.025, 0.0])
    assert found.distribution.loc["total_return", "median"] == pytest.approx(0.025)
    assert len(found.runs) == 2 * 3  # each configuration once in each block


def test_an_embargo_leaves_out_what_follows_a_test(store: Store) -> None:
    found = crossed(store, {"share": [1.0]}, combinatorial=False, embargo=1)
    assert [fold.train[2] for fold in found.folds] == [2, 2, 4]
    walk = walked(store, {"share": [1.0]}, embargo=1)
    assert walk.folds[0].train == ("2024-01-02", "2024-01-03", 2)
    assert walked(store, {"share": [1.0]}, horizon=1).folds[0].train == walk.folds[0].train


def test_it_is_drawn_and_written(store: Store, tmp_path: Any) -> None:
    for found in (walked(store, {"share": [0.5, 1.0]}), crossed(store, {"share": [0.5, 1.0]})):
        assert {trace.type for trace in found.plot().data} == {"scatter", "bar"}
        page = found.to_html(tmp_path / "page.html").read_text()
        assert found.sentence.split(".")[0] in page
        assert "<svg" in found._repr_html_()
        assert found.sentence in repr(found)
        assert len(found) == len(found.table)


@pytest.mark.parametrize("strategy", ["core", Book("core", ["equal_weight", "mean_reversion"])])
def test_a_book_is_refused(store: Store, strategy: Any) -> None:
    own = Store(store.database, Settings(books="core = equal(buy_and_hold, mean_reversion)"))
    with pytest.raises(SettingsError, match=r"core is a book"):
        walked(own, {"lookback": [20, 60]}, strategy)


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({"share": [1.0]}, {"train": 5}, "There are 5 sessions and train is 5"),
        ({"share": [1.0]}, {"test": 0}, "test is 0"),
        ({"share": [1.0]}, {"embargo": -1}, "embargo is -1"),
        ({"share": [1.0]}, {"horizon": -1}, "horizon is -1"),
        ({"share": [1.0]}, {"embargo": 3}, "Nothing is left to train on"),
        ({"share": []}, {}, "The parameter share has no value"),
        ([], {}, "There is no configuration"),
        ({"share": [1.0], "shore": [1.0]}, {}, "part cannot be called .*'shore'"),
        ({"share": [1.0]}, {"metric": "turnover"}, "Parameters cannot be chosen by 'turnover'"),
    ],
)
def test_what_cannot_be_is_one_line(
    store: Store, parameters: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        walked(store, parameters, **options)
    assert fetch(store.database, "SELECT count(*) FROM trials") == [(0,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": 6}, "5 sessions cannot be cut into 6 blocks"),
        ({"blocks": 3, "test_blocks": 3}, "3 of 3 blocks are tested"),
        ({"test_blocks": 2, "combinatorial": False}, "test_blocks is 2, and combinatorial is"),
    ],
)
def test_blocks_that_cannot_be_are_one_line(
    store: Store, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        crossed(store, {"share": [1.0]}, **options)


def test_an_option_that_is_none_is_named(store: Store) -> None:
    with pytest.raises(TypeError, match="no argument 'matric'"):
        walked(store, {"share": [1.0]}, matric="alpha")


def test_many_runs_ask_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNASKED", 3)
    with pytest.raises(SettingsError, match="4 runs: 2 configurations over 2 windows"):
        walked(store, {"share": [0.5, 1.0]})
    assert len(walked(store, {"share": [0.5, 1.0]}, confirm=True)) == 1
