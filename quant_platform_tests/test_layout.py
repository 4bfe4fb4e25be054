"""The layout of the tests and the direction of imports, read from the source.

What several folders of tests share lives in `support/`; a folder of tests mirrors a folder of the
package. No module imports itself by a circle, in the package or in the tests. The direction between
the package's folders is import-linter's contract and no matter of this file.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent
OWN = {"properties", "end_to_end", "oracles", "support", "test_deployment", "test_support"}
"""Folders that mirror none of the package: laws, whole services, outside answers, what is shared
and its tests, and the files that deploy the platform."""

Graph = Mapping[str, set[str]]


def modules(folder: Path) -> dict[str, Path]:
    """Return the files of a package by the dotted name of their module."""
    paths = sorted(folder.rglob("*.py"))
    dotted = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in paths]
    return dict(zip((name.removesuffix(".__init__") for name in dotted), paths, strict=True))


def imported(path: Path) -> Iterator[str]:
    """Yield what a file imports, inside functions and for types too: `a.b` and `a.b.name`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path} imports by a relative name"
            assert node.level == 0, f"{path} imports by a relative name"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


@cache
def import_graph(folder: Path) -> dict[str, set[str]]:
    """Return the imports between the modules of a package."""
    paths = modules(folder)

    def module_of(name: str) -> str:
        return name if name in paths else name.rpartition(".")[0]

    return {
        name: {module_of(target) for target in imported(path)} & set(paths) - {name}
        for name, path in paths.items()
    }


def circles(graph: Graph) -> list[list[str]]:
    """Return the modules of each import circle: what is left after the leaves are taken off."""
    left = {name: set(targets) for name, targets in graph.items()}
    while leaves := {name for name, targets in left.items() if not targets & set(left)}:
        left = {name: targets for name, targets in left.items() if name not in leaves}
    within = {name: _reachable(left, name) for name in left}
    groups = {
        frozenset(other for other in within[name] if name in within[other])
        for name in left
        if name in within[name]
    }
    return sorted(sorted(group) for group in groups)


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph.get(waiting.pop(), ()):
            if target in graph and target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def test_circles_are_recognised() -> None:
    """By hand: b and c import each other, a leads into them, d out of them; e to g are a ring."""
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": set(), "e": {"f"}, "f": {"g"}}
    assert circles({**graph, "g": {"e"}}) == [["b", "c"], ["e", "f", "g"]]
    assert circles({**graph, "c": set(), "g": set()}) == []


def test_imports_are_read_wherever_they_stand(tmp_path: Path) -> None:
    source = (
        "import a.b\nif TYPE_CHECKING:\n    from c import d\ndef f():\n    from e.f import g, h\n"
    )
    file = tmp_path / "module.py"
    file.write_text(source)
    assert sorted(imported(file)) == ["a.b", "c.d", "e.f.g", "e.f.h"]


@pytest.mark.parametrize("package", ["quant_platform", "quant_platform_tests"])
def test_no_module_imports_itself_by_a_circle(package: str) -> None:
    assert circles(import_graph(CHECKOUT / package)) == []


def test_a_folder_of_tests_imports_from_no_other() -> None:
    foreign = [
        f"{name} imports {target}"
        for name, targets in import_graph(TESTS).items()
        for target in targets
        if _folder(target) not in ("support", "oracles", _folder(name))
    ]
    assert foreign == []


def test_no_test_module_is_imported() -> None:
    """What a second file needs of it belongs in `support/` or the folder's `conftest.py`."""
    imports = [
        f"{name} imports {target}"
        for name, targets in import_graph(TESTS).items()
        for target in targets
        if target.rpartition(".")[2].startswith("test_") and (CHECKOUT / _file(target)).exists()
    ]
    assert imports == []


def test_a_folder_of_tests_mirrors_a_folder_of_the_package() -> None:
    folders = {path.name for path in TESTS.iterdir() if any(path.glob("*.py"))} - {"__pycache__"}
    mirrored = {name.removeprefix("test_") for name in folders - OWN}
    package = {path.parent.name for path in (CHECKOUT / "quant_platform").glob("*/__init__.py")}
    assert mirrored - package == set()


def test_what_is_shared_imports_no_test() -> None:
    upwards = [
        f"{name} imports {target}"
        for name, targets in import_graph(TESTS).items()
        for target in targets
        if _folder(name) == "support" and _folder(target) != "support"
    ]
    assert upwards == []


def _folder(module: str) -> str:
    """Folder of the tests that a module lies in; empty for the top."""
    parts = module.split(".")[1:]
    return parts[0] if parts and (TESTS / parts[0]).is_dir() else ""


def _file(module: str) -> str:
    return module.replace(".", "/") + ".py"


def test_no_file_holds_two_things() -> None:
    """Beyond about 400 lines, a file of the package holds two things."""
    long = {
        name: lines
        for name, path in modules(CHECKOUT / "quant_platform").items()
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


@pytest.mark.parametrize("package", ["quant_platform", "quant_platform_tests", "benchmarks"])
def test_no_function_is_longer_than_a_screen(package: str) -> None:
    long = [
        f"{path.name} {node.name}"
        for path in (CHECKOUT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 80
    ]
    assert long == []
