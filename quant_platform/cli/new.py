"""new: one commented file and its test, for a strategy, feature, check or vendor of one's own.

The files go to the folder of extensions; a project that names none gets one. What does not belong
here: what the files say (`scaffold/`), and how they are found (`extensions.py`).
"""

import keyword
import re
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from quant_platform.cli import console
from quant_platform.errors import SettingsError

EXAMPLE = "Example: [bold]quant-platform new strategy my_momentum[/bold]"

FOLDER = "extensions"
"""Folder of a project that names none."""

TESTS = "tests"


class Kind(StrEnum):
    """What can be made."""

    STRATEGY = "strategy"
    FEATURE = "feature"
    CHECK = "check"
    VENDOR = "vendor"


def register(app: typer.Typer) -> None:
    """Add the command of this module to the application."""
    app.command(epilog=EXAMPLE)(new)


def new(
    kind: Annotated[Kind, typer.Argument(help="What to make.")],
    name: Annotated[str, typer.Argument(help="Its name: lower case, digits and _.")],
) -> None:
    """Write one commented file with its test, which work as they stand."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or keyword.iskeyword(name):
        raise SettingsError(
            f"{name!r} cannot be a name",
            "Lower case letters, digits and _, beginning with a letter, such as my_momentum",
        )
    if name in _known(kind):
        raise SettingsError(f"There is a {kind} {name} already", "Choose another name")
    folder, setting = _folder()
    targets = {
        f"{kind}.txt": folder / f"{name}.py",
        f"test_{kind}.txt": folder / TESTS / f"test_{name}.py",
    }
    for path in targets.values():
        if path.exists():
            raise SettingsError(f"{path} exists already", "Choose another name, or move it away")
    type_name = "".join(part.title() for part in name.split("_"))
    for source, path in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (files("quant_platform.cli.scaffold") / source).read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(name=name, type=type_name), encoding="utf-8")
        console.out.print(str(_relative(path)), soft_wrap=True)
    if setting is not None:
        _add_line(setting, f"QUANT_PLATFORM_EXTENSIONS={FOLDER}")
        console.out.print(f"QUANT_PLATFORM_EXTENSIONS={FOLDER} in {_relative(setting)}")
    console.out.print(
        f"Test it: python -m pytest {_relative(targets[f'test_{kind}.txt'])}\n"
        f"{_NEXT[kind].format(name=name)}",
        soft_wrap=True,
    )


_NEXT = {
    Kind.STRATEGY: "See it: quant-platform backtest {name} --start YYYY-MM-DD; then reload the UI",
    Kind.FEATURE: "See it: quant-platform list features; quant-platform db upgrade adds its column",
    Kind.CHECK: "See it: quant-platform list checks; then reload the UI",
    Kind.VENDOR: "Use it: QUANT_PLATFORM_VENDOR={name}, with a QUANT_PLATFORM_HOME of its own",
}


def _known(kind: Kind) -> set[str]:
    """Names that are taken."""
    from quant_platform.features.feature_registry import all_features
    from quant_platform.quality.check_registry import library_checks
    from quant_platform.strategies.strategy_registry import strategy_classes
    from quant_platform.vendors.vendor_registry import vendor_classes

    return {
        Kind.STRATEGY: lambda: set(strategy_classes()),
        Kind.FEATURE: lambda: {each.name for each in all_features()},
        Kind.CHECK: lambda: {each.name for each in library_checks()},
        Kind.VENDOR: lambda: set(vendor_classes()),
    }[kind]()


def _folder() -> tuple[Path, Path | None]:
    """Folder of extensions, and the `.env` that has yet to name it."""
    from quant_platform.settings import Settings, project_root

    stated = Settings.load().extensions
    if stated is not None:
        return stated, None
    root = project_root(Path.cwd()) or Path.cwd()
    return root / FOLDER, root / ".env"


def _add_line(path: Path, line: str) -> None:
    """Add a line to a file of settings, which others may not read."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if not path.exists():
        path.touch(mode=0o600)
    end = "" if not before or before.endswith("\n") else "\n"
    path.write_text(f"{before}{end}{line}\n", encoding="utf-8")


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
