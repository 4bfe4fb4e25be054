"""Models of the setting: one strategy under two names, other parameters, and one taken away.

`computed` holds five months of the four usual models. A run of other models begins with it.
"""

import json
from pathlib import Path

from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FIRST, run
from quant_platform_tests.support.tables import fetch

END = "2004-08-24"
MODELS = (
    "equal_weight; enhanced_momentum; apart=residual_mean_reversion(window=20, stop_inside=true);"
    " firm=enhanced_momentum(max_position=0.2, stop_atr={})"
)
ONLY_MISSING = {"quant_platform/fetch": "missing"}

OF_MODEL = """
SELECT to_jsonb(t)::text FROM {} AS t JOIN models ON models.id = model_id
WHERE model_name = %s AND date BETWEEN %s AND %s ORDER BY 1
"""
RUNS = """
SELECT model_name, model_runs.strategy, (model_runs.parameters ->> 'stop_atr')::float8
FROM model_runs JOIN models ON models.id = model_id WHERE run_id = %s ORDER BY 1
"""
APART = ("apart", "residual_mean_reversion", 5.0)
TABLES = ("signals", "portfolios", "positions", "fills", "model_performance")


def of_model(database: Database, name: str) -> dict[str, list[str]]:
    return {
        table: [text for (text,) in fetch(database, OF_MODEL.format(table), name, FIRST, END)]
        for table in TABLES
    }


def compute(database: Database, home: Path, stop_atr: float) -> tuple[Settings, list[tuple]]:
    """Compute what the models lack; return the settings, and the models that gave signals."""
    models = {PREFIX + "MODELS": MODELS.format(stop_atr)}
    result = run(database, home, FIRST, END, settings=models, tags=ONLY_MISSING)
    assert result.success, failure_text(result)
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(home), **models}
    return Settings.load(values, home), fetch(database, RUNS, result.run_id)


def test_models_come_change_and_go(computed: Database, tmp_path: Path) -> None:
    gone, kept = (of_model(computed, name) for name in ("buy_and_hold", "enhanced_momentum"))
    assert all(gone[table] and kept[table] for table in TABLES)

    _, runs = compute(computed, tmp_path, 1.0)
    assert runs == [APART, ("firm", "enhanced_momentum", 1.0)]
    # What no longer runs keeps its rows, and those of the others are the same.
    assert of_model(computed, "buy_and_hold") == gone
    assert of_model(computed, "enhanced_momentum") == kept
    first = of_model(computed, "firm")
    assert len(first["portfolios"]) == len(kept["portfolios"])
    ((ranking,),) = fetch(
        computed, "SELECT ranking::text FROM performance_reports WHERE date = %s", END
    )
    ranked = {each["model_name"] for each in json.loads(ranking)}
    assert ranked == {"apart", "equal_weight", "enhanced_momentum", "firm"}
    assert fetch(
        computed, "SELECT strategy, parameters ->> 'stop_atr' FROM models WHERE model_name = 'firm'"
    ) == [("enhanced_momentum", "1.0")]

    # Other parameters are another model to the ledger: its signals alone are computed again.
    settings, runs = compute(computed, tmp_path, 4.0)
    assert runs == [("firm", "enhanced_momentum", 4.0)]
    second = of_model(computed, "firm")
    assert second["signals"] != first["signals"]
    assert of_model(computed, "enhanced_momentum") == kept

    # A backtest knows a model by its name, with its sectors and stops.
    for name in ("apart", "firm"):
        result = Store(computed, settings).backtest(name, FIRST, END)
        stored = of_model(computed, name)
        assert any(json.loads(text)["target_weight"] for text in stored["signals"])
        equity = [json.loads(text)["equity"] for text in stored["portfolios"]]
        assert sorted(equity) == sorted(result.portfolios["equity"])
