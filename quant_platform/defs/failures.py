"""How an error of the library fails a step."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from quant_platform.errors import TRANSIENT, QuantPlatformError


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Fail the step without another attempt, unless the failure may pass by itself."""
    try:
        yield
    except TRANSIENT:
        raise
    except QuantPlatformError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
