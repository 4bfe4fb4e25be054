"""What a run was made of: the version of the code and a digest of what it read."""

import hashlib
import subprocess
from functools import cache
from pathlib import Path

import pandas as pd

import quant_platform


@cache
def code_version() -> str:
    """Version of the platform, with the commit where it runs from a checkout."""
    checkout = Path(quant_platform.__file__).parents[1]
    if not (checkout / ".git").exists():
        return quant_platform.__version__
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 — whichever git the user has
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return quant_platform.__version__
    return f"{quant_platform.__version__}+{commit.stdout.strip()}"


def digest_of(*frames: pd.DataFrame) -> str:
    """SHA-256 over the values of the inputs, in their order."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()
