"""Files that are replaced whole: who reads one meanwhile sees the old content or the new."""

import os
from pathlib import Path

from quant_platform.errors import SettingsError


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of a file; its folder must be there.

    Raises
    ------
    SettingsError
        No file can have that name: it is empty or a folder's, or its folder is not there.
    OSError
        The file system refuses it, for instance because the disk is full. Nothing is left behind.
    """
    if not path.name:
        raise SettingsError(f"'{path}' names no file", "Give the name of a file to write")
    if path.is_dir():
        raise SettingsError(f"{path} is a folder", "Give the name of a file to write")
    if not path.parent.is_dir():
        raise SettingsError(f"There is no folder {path.parent}", "Make it first")
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
