"""Trained models as bytes that run no code when they are loaded, and back.

An artefact is a line of JSON and then the model: LightGBM's own text, or what skops writes of any
other estimator. The line has the format, the library and its version, and the SHA-256 of the model.
`load` looks at all of them first: an artefact with changed bytes, or of another version of its
library, is refused in one line. skops builds only types that it is told to trust. Pickle is never
read or written. What does not belong here: what is predicted (`estimators.py`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from quant_platform.errors import ContractError
from quant_platform.packages import optional_package

LIGHTGBM, SKOPS = "lightgbm text", "skops"
"""Formats."""

LIBRARIES = {LIGHTGBM: "lightgbm", SKOPS: "scikit-learn"}

MODULES = {LIGHTGBM: "lightgbm", SKOPS: "skops.io"}

TRUSTED = ("sklearn.",)
"""Beginnings of the names of types that may be built beside those that skops itself trusts, which
are scikit-learn's estimators and the plain types of NumPy, SciPy and Python."""

PURPOSE = "A learned model"


@dataclass(frozen=True)
class Header:
    """The first line of an artefact.

    Attributes
    ----------
    format : `LIGHTGBM` or `SKOPS`
    library : name and version of what made it
    digest : SHA-256 of what follows the line
    classes : of a classifier, ascending
    """

    format: str
    library: str
    digest: str
    classes: tuple[float, ...] = ()


def save(model: Any, kind: str, classes: Sequence[float] = ()) -> bytes:
    """Return a model as bytes.

    Parameters
    ----------
    model : a LightGBM `Booster`, or an estimator that skops can write
    kind : `LIGHTGBM` or `SKOPS`
    """
    if kind == LIGHTGBM:
        body: bytes = model.model_to_string(num_iteration=-1).encode()
    else:
        body = optional_package(MODULES[kind], "research", PURPOSE).dumps(model)
    head = {
        "format": kind,
        "library": library_of(kind),
        "digest": hashlib.sha256(body).hexdigest(),
        "classes": [float(each) for each in classes],
    }
    return json.dumps(head, sort_keys=True).encode() + b"\n" + body


def load(artefact: bytes, trusted: Sequence[str] = ()) -> tuple[Any, Header]:
    """Return the model of an artefact, and its first line.

    Parameters
    ----------
    trusted : names of further types that it may hold

    Raises
    ------
    ContractError
        Its bytes were changed, another version of its library made it, or it holds a type that
        nobody trusts.
    """
    head, body = _read(artefact)
    if hashlib.sha256(body).hexdigest() != head.digest:
        raise ContractError(
            "The artefact of a learned model has changed bytes: its digest is another",
            "Train it again: quant-platform backfill --recompute --select 'forecasts/*'",
        )
    here = library_of(head.format)
    if head.library != here:
        raise ContractError(
            f"The artefact of a learned model was made by {head.library}, and here is {here}",
            "Train it again, or install the version that made it",
        )
    if head.format == LIGHTGBM:
        package = optional_package(MODULES[LIGHTGBM], "research", PURPOSE)
        return package.Booster(model_str=body.decode()), head
    return _unpacked(body, trusted), head


def digest_of(artefact: bytes) -> str:
    """SHA-256 of a whole artefact: what it is stored by."""
    return hashlib.sha256(artefact).hexdigest()


def library_of(kind: str) -> str:
    """Name and version of the library that models of a format are made by."""
    name = LIBRARIES[kind]
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name}, which is not installed"


def _read(artefact: bytes) -> tuple[Header, bytes]:
    line, _, body = artefact.partition(b"\n")
    try:
        fields = json.loads(line)
        classes = tuple(float(each) for each in fields["classes"])
        head = Header(fields["format"], fields["library"], fields["digest"], classes)
    except (ValueError, KeyError, TypeError):
        head = None
    if head is None or head.format not in LIBRARIES:
        raise ContractError(
            "The artefact of a learned model does not begin with a line that says what it is",
            "Train it again: quant-platform backfill --recompute --select 'forecasts/*'",
        )
    return head, body


def _unpacked(body: bytes, trusted: Sequence[str]) -> Any:
    package = optional_package(MODULES[SKOPS], "research", PURPOSE)
    held = package.get_untrusted_types(data=body)
    refused = [name for name in held if not name.startswith(TRUSTED) and name not in trusted]
    if refused:
        raise ContractError(
            f"The artefact of a learned model holds {', '.join(refused)}, which nobody trusts",
            "If it is yours, name the type in `trusted` of the forecaster",
        )
    return package.loads(body, trusted=held)
