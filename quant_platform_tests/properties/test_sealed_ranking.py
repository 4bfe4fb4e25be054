"""The ranking, and what `demo` shows at its end, where the last sessions are sealed."""

from pathlib import Path

import pytest

import quant_platform as qp
from quant_platform.cli.demo import _show_result
from quant_platform.cli.ranking import show_ranking
from quant_platform.errors import SealedError
from quant_platform.pipeline.seen import holdout_states
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import keep_holdout, unseal
from quant_platform.strategies.models import models_of
from quant_platform_tests.support.pipeline import FIRST, LAST, run
from quant_platform_tests.support.stores import MODELS, store_of
from quant_platform_tests.support.tables import fetch

SEALED, BEFORE = "2004-12-01", "2004-11-30"

RANKED = """
SELECT r->>'model_name', r->>'holdout'
FROM performance_reports, jsonb_array_elements(ranking::jsonb) AS r WHERE date = %s ORDER BY 1
"""
AGAIN = {"quant_platform/recompute": "true"}


def test_what_is_shown_ends_before_it(
    computed: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says of each model whether somebody has looked beyond."""
    store = store_of(computed, tmp_path)
    models = models_of(store.settings)
    assert holdout_states(computed, models) == {}
    keep_holdout(computed, SEALED, "somebody")
    names = [each.name for each in models]
    assert holdout_states(computed, models) == dict.fromkeys(names, "sealed")

    _show_result(store.settings, computed, 1, [], 1.0)
    shown = capsys.readouterr().out
    assert f"Ranking of {BEFORE}" in shown
    assert SEALED not in shown
    assert f"{BEFORE}.html" in "".join(shown.split())
    page = (store.settings.home / "reports" / f"{BEFORE}.html").read_text()
    assert MODELS[0] in page
    with pytest.raises(SealedError, match=f"from {SEALED} on are sealed"):
        show_ranking(computed, LAST)

    with qp.study("mine"):
        store.backtest("mean_reversion", FIRST, BEFORE)
        store.backtest("enhanced_momentum", FIRST, BEFORE, capital=5000.0)
    trial = fetch(
        computed,
        "SELECT id FROM trials WHERE strategy = 'mean_reversion' AND first_session IS NOT NULL",
    )
    opening = unseal(computed, "mine", trial[0][0], "somebody")
    opened = f"opened {opening.opened_at:%Y-%m-%d}"
    states = {**dict.fromkeys(names, "sealed"), "mean_reversion": opened}
    assert holdout_states(computed, models) == states
    # A report that was made before says so, too, and one that is made after has it for ever.
    show_ranking(computed, holdout=states)
    assert opened in capsys.readouterr().out
    assert {state for _, state in fetch(computed, RANKED, BEFORE)} == {None}
    assert run(computed, tmp_path, LAST, LAST, tags=AGAIN).success
    assert dict(fetch(computed, RANKED, LAST)) == states
    assert fetch(computed, "SELECT max(date)::text FROM model_performance") == [(LAST,)]
