"""Where settings come from: the process's environment, and `.env` in the project's folder.

Nothing else in the platform reads the environment. What the texts mean does not belong here: see
`model.py`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

HOME_NAME = ".quant-platform"
"""Folder of the embedded database, Dagster's home and the reports, beside a project's files."""

DATA_NAME = "quant-platform"
"""The same folder among the user's own data, where there is no project."""

_MARKERS = (HOME_NAME, ".env", "workspace.yaml")


class Environment:
    """Texts of settings by variable; the process's own win over those of `.env`.

    It holds keys and passwords, so it is never shown. It compares equal to any other: settings
    differ by the values that were read from their texts, and not by what else a process has in its
    environment.

    Parameters
    ----------
    process : variables of the process
    file : variables of `.env`
    folder : folder of `.env`, to which the paths of settings are relative
    """

    __slots__ = ("_layers", "folder")

    def __init__(
        self,
        process: Mapping[str, str] | None = None,
        file: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._layers = (dict(process or {}), dict(file or {}))
        self.folder = folder or Path()

    @classmethod
    def load(cls, file: Path, process: Mapping[str, str] | None = None) -> "Environment":
        """Read a `.env`, if there is one; `process` defaults to the process's environment."""
        return cls(os.environ if process is None else process, _read(file), file.parent)

    def find(self, *names: str) -> tuple[str, str]:
        """Return the first of a setting's names that has a text, and the text; or two empty ones.

        A setting that the process names at all, under whichever name, is not looked up in the file.
        """
        for layer in self._layers:
            if any(name in layer for name in names):
                named_texts = ((name, layer.get(name, "").strip()) for name in names)
                return next(((name, text) for name, text in named_texts if text), ("", ""))
        return "", ""

    def has(self, *names: str) -> bool:
        """Whether one of these variables has a text."""
        return any(self.find(name)[1] for name in names)

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Environment)

    def __hash__(self) -> int:
        return hash(Environment)


def project_root(start: Path) -> Path | None:
    """Nearest folder from `start` up with a home, `.env` or workspace file."""
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return None


def user_home() -> Path:
    """Home of a user who is in no project, such as that of an installed package."""
    # Imported here: most starts are in a project.
    from platformdirs import user_data_path

    return user_data_path(DATA_NAME, appauthor=False)


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    # Imported here: most starts of the command line find no file to parse.
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value is not None}
