"""`defs/` is Dagster and nothing else: each of its definitions names Dagster, or says why not.

Read from the source. A definition is a function or class at the top of a module.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from quant_platform import defs

FOLDER = Path(defs.__file__).parent

DAGSTERS_OWN_FILES = "the files and folders that Dagster reads"
DAGSTERS_OWN_WORDS = "texts by which Dagster knows runs, jobs and inputs"
STORAGE_PART = "a part of the instance's storage, which Dagster builds from dagster.yaml"

ASSET_MODULES = "reads the modules that define assets"

EXCEPTIONS = {
    "asset_registry.py checked": ASSET_MODULES,
    "asset_registry.py asset_modules": ASSET_MODULES,
    "assets/common.py columns": DAGSTERS_OWN_WORDS,
    "assets/common.py keyed": DAGSTERS_OWN_WORDS,
    "home.py instance_file": DAGSTERS_OWN_FILES,
    "home.py enter_dagster_home": DAGSTERS_OWN_FILES,
    "instance/event_log.py _copy": STORAGE_PART,
    "instance/event_log.py _escaped": STORAGE_PART,
    "instance/event_log.py _event_line": STORAGE_PART,
    "instance/event_text.py _cut": STORAGE_PART,
    "assets/common.py with_hint": DAGSTERS_OWN_WORDS,
    "instance/first_start.py _is_unfinished": STORAGE_PART,
    "instance/first_start.py _revision": STORAGE_PART,
    "instance/pool.py Lease": STORAGE_PART,
    "instance/pool.py PoolOptions": STORAGE_PART,
    "instance/pool.py _Pool": STORAGE_PART,
    "instance/pool.py _after_fork": STORAGE_PART,
    "instance/pool.py _join": STORAGE_PART,
    "instance/pool.py open_pools": STORAGE_PART,
    "instance/storage.py _own_driver": STORAGE_PART,
    "instance/storage.py versions_are_known": STORAGE_PART,
    "instance/storages.py OnSharedPool": STORAGE_PART,
    "jobs.py stage_job": DAGSTERS_OWN_WORDS,
    "metadata.py light_metadata": DAGSTERS_OWN_WORDS,
    "partitions.py session_partitions": "makes the partitions, a subclass of Dagster's",
    "processes.py process_tag": DAGSTERS_OWN_WORDS,
    "tags.py session_tags": DAGSTERS_OWN_WORDS,
}
"""Definitions that do not name Dagster, each with its reason."""


def definitions() -> Iterator[tuple[str, bool]]:
    """Yield file and name of each definition, and whether it names Dagster."""
    for path in sorted(FOLDER.rglob("*.py")):
        tree = ast.parse(path.read_text())
        names = set(_names_of_dagster(tree))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                used = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
                yield f"{path.relative_to(FOLDER).as_posix()} {node.name}", bool(used & names)


def _names_of_dagster(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_dagster(alias.name):
                    yield alias.asname or "dagster"
        elif isinstance(node, ast.ImportFrom) and _is_dagster(node.module or ""):
            yield from (alias.asname or alias.name for alias in node.names)


def _is_dagster(module: str) -> bool:
    return module.split(".")[0] in ("dagster", "dagster_postgres")


def test_every_definition_names_dagster() -> None:
    strangers = {name for name, names_dagster in definitions() if not names_dagster}
    assert strangers - set(EXCEPTIONS) == set()


def test_no_exception_is_out_of_date() -> None:
    strangers = {name for name, names_dagster in definitions() if not names_dagster}
    assert set(EXCEPTIONS) - strangers == set()


def test_the_layer_is_thin() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in FOLDER.rglob("*.py"))
    assert lines <= 4000
