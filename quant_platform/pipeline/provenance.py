"""What a run was made of: the version of the code and a digest of what it read."""

import hashlib

import pandas as pd

from quant_platform.provenance import code_version as code_version  # read from here by runs


def digest_of(*frames: pd.DataFrame) -> str:
    """SHA-256 over the values of the inputs, in their order."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()
