"""`code_version` and `person`: what code a result was made by, and who ran it.

What does not belong here: what it was made from (`pipeline/provenance.py`, `research/trials.py`).
"""

import getpass
import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

from quant_platform.extensions import extensions_digest

CODE = ("quant_platform", "sql")
"""Folders of a checkout on which results depend."""


@cache
def code_version() -> str:
    """Version of the platform, with the commit where it runs from a checkout.

    Files that differ from the commit, or that it lacks, add `.dirty-` and a digest of them: two
    versions that nobody committed are told apart. So do extensions, as `.with-`.
    """
    extensions = extensions_digest()
    return _platform_version() + (f".with-{extensions}" if extensions else "")


def _stated(name: str) -> str:
    """What the package states; it was imported before this module, which does not import it."""
    return str(getattr(sys.modules["quant_platform"], name))


def _platform_version() -> str:
    checkout = Path(_stated("__file__")).parents[1]
    if not (checkout / ".git").exists():
        return _stated("__version__")
    try:
        commit = _git(checkout, "rev-parse", "--short=12", "HEAD").decode().strip()
        changes = _changes(checkout)
    except (OSError, subprocess.CalledProcessError):
        return _stated("__version__")
    version = f"{_stated('__version__')}+{commit}"
    return f"{version}.dirty-{changes}" if changes else version


def _changes(checkout: Path) -> str:
    """Digest of what the code's folders hold that the commit does not; empty if nothing.

    Of the files themselves: how `git diff` prints them is a matter of each person's settings.
    """
    changed = _names(checkout, "diff", "--name-only", "--no-renames", "HEAD")
    untracked = _names(checkout, "ls-files", "--others", "--exclude-standard")
    if not changed and not untracked:
        return ""
    digest = hashlib.sha256()
    for name in sorted({*changed, *untracked}):
        file = checkout / name
        content = file.read_bytes() if file.is_file() else b""
        what = "file" if file.is_file() else "gone"
        digest.update(f"{what} {name} {len(content)}\0".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.hexdigest()[:8]


def _names(checkout: Path, *words: str) -> list[str]:
    """Return the files of the code's folders that a command of git names."""
    named = _git(checkout, *words, "-z", "--", *CODE).decode(errors="surrogateescape")
    return [name for name in named.split("\0") if name]


def _git(checkout: Path, *words: str) -> bytes:
    return subprocess.run(  # noqa: S603 — our own words
        ["git", *words],  # noqa: S607 — whichever git the user has
        cwd=checkout,
        capture_output=True,
        check=True,
    ).stdout


def person() -> str:
    """Return what the system calls the person; empty where it does not know."""
    try:
        return getpass.getuser()[:200]
    except (OSError, KeyError, ImportError):
        return ""
