"""The tables `models` and `model_runs`: the models, and the inputs of each of their runs.

What does not belong here: which models there are (`strategies/`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quant_platform.storage.database import Database
from quant_platform.storage.replace import Statement


@dataclass(frozen=True)
class ModelRecord:
    """What the platform keeps of a model; `parameters` must be JSON-able.

    `strategy` is the name of the class that it is an instance of; empty: the model's own name.
    """

    name: str
    version: str
    description: str
    parameters: Mapping[str, object]
    is_benchmark: bool
    strategy: str = ""
    rebalance: str = "on_change"
    max_gross: float = 1.0
    max_net: float = 1.0
    benchmark: str | None = None


@dataclass(frozen=True)
class ModelRun:
    """One computation of signals, enough to repeat it."""

    run_id: str
    code_version: str
    input_digest: str
    first_session: str
    last_session: str
    signal_rows: int
    scaled_sessions: int = 0


_INSERT = """
INSERT INTO models (version, description, parameters, is_benchmark, rebalance, max_gross, max_net,
    benchmark, strategy, model_name)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_UPDATE = """
UPDATE models SET (version, description, parameters, is_benchmark, rebalance, max_gross, max_net,
    benchmark, strategy) = ROW (new.*)
FROM (VALUES (%s, %s, %s::jsonb, %s, %s, %s::double precision, %s::double precision, %s, %s))
    AS new (version, description, parameters, is_benchmark, rebalance, max_gross, max_net,
        benchmark, strategy)
WHERE model_name = %s AND ROW (new.*) IS DISTINCT FROM
    ROW (models.version, models.description, models.parameters, models.is_benchmark,
        models.rebalance, models.max_gross, models.max_net, models.benchmark, models.strategy)
"""


def register_models(database: Database, models: Sequence[ModelRecord]) -> dict[str, int]:
    """Insert or update the rows of the models that run; return name → id of all that there are.

    A row that is already as it should be is left alone. Other models keep theirs, and are no
    benchmark any more.
    """
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext('quant_platform'), hashtext('models'))"
            )
            cursor.execute("SELECT model_name FROM models")
            stored_names = {name for (name,) in cursor.fetchall()}
            for model in models:
                row = (
                    model.version,
                    model.description,
                    json.dumps(model.parameters),
                    model.is_benchmark,
                    model.rebalance,
                    model.max_gross,
                    model.max_net,
                    model.benchmark,
                    model.strategy or model.name,
                    model.name,
                )
                cursor.execute(_UPDATE if model.name in stored_names else _INSERT, row)
            cursor.execute(
                "UPDATE models SET is_benchmark = false"
                " WHERE is_benchmark AND model_name <> ALL (%s)",
                ([model.name for model in models],),
            )
            cursor.execute("SELECT model_name, id FROM models ORDER BY id")
            return dict(cursor.fetchall())
    finally:
        connection.close()


def model_ids(database: Database) -> dict[str, int]:
    """Name → id of the models registered so far."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT model_name, id FROM models ORDER BY id")
            return dict(cursor.fetchall())
    finally:
        connection.close()


_RUN = """
INSERT INTO model_runs (model_id, run_id, model_version, parameters, code_version, input_digest,
    first_session, last_session, signal_rows, scaled_sessions, strategy)
SELECT id, $1::text, $2::text, $3::text::jsonb, $4::text, $5::text, $6::text::date, $7::text::date,
    $8::text::integer, $9::text::integer, $10::text
FROM models WHERE model_name = $11::text
"""


def model_run_statement(model: ModelRecord, run: ModelRun) -> Statement:
    """Statement that appends one row to `model_runs`, for the transaction that stores the signals.

    The model must be registered; else nothing is appended.
    """
    return _RUN, (
        run.run_id,
        model.version,
        json.dumps(model.parameters),
        run.code_version,
        run.input_digest,
        run.first_session,
        run.last_session,
        str(run.signal_rows),
        str(run.scaled_sessions),
        model.strategy or model.name,
        model.name,
    )
