"""Warn of a `.env` with secrets that other users of the machine can read."""

import re
import stat
from pathlib import Path

from quant_platform.cli import console

OTHERS = stat.S_IRWXG | stat.S_IRWXO

SECRET = re.compile(
    r"^\s*(?:export\s+)?(?:\w*(?:KEY|SECRET|PASSWORD|TOKEN)\w*\s*=\s*['\"]?[^\s'\"#]"
    r"|\w+\s*=\s*['\"]?\w[\w+.-]*://[^/@\s]*:[^/@\s]+@"
    r"|\w*ALERT_URLS[ \t]*=[ \t]*(?:['\"]\s*)?[^\n]*://)",
    re.MULTILINE,
)
"""A line that sets a key or a password, by its name, or the password of an address; or the URLs of
alerts, which may be secret from end to end."""


def warn_of_open_secrets(start: Path) -> None:
    """Print a line if the `.env` that holds in a folder has secrets and is open to others."""
    # Settings are read where a command works, not to print its help.
    from quant_platform.settings.environment import project_root

    root = project_root(start)
    if root is None:
        return
    file = root / ".env"
    try:
        if not file.stat().st_mode & OTHERS or not SECRET.search(file.read_text(errors="replace")):
            return
    except OSError:
        return
    console.err.print(
        f"{file} holds a secret and other users can read it. Run: chmod 600 {file}",
        soft_wrap=True,
        markup=False,
    )
