"""Trained models as bytes that run no code when they are loaded, and back.

An artefact is a line of JSON and then the model: LightGBM's own text, or what skops writes of any
other estimator. The line has the format, the library and its version, and the SHA-256 of the model.
`load` looks at all of them first: an artefact with changed bytes, or of another version of its
library, is refused in one line. skops builds only types that it is told to trust. Pickle is never
read or written. What does not belong here: what is predicted (`estimators.py`).
"""

import hashlib
import io
import json
import zipfile
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

SCHEMA = "schema.json"
"""File of a skops archive that says what the others are."""

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
        body = _repeatable(optional_package(MODULES[kind], "research", PURPOSE).dumps(model))
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


def _repeatable(body: bytes) -> bytes:
    """Return what skops wrote without the clock and the addresses of memory in it.

    Equal estimators then have equal bytes: addresses become numbers in the order in which they
    appear, and files bear the date at which the format begins.
    """
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    schema = json.loads(files.pop(SCHEMA))
    numbers: dict[str, int] = {}
    _renumber(schema, numbers)
    renamed = {
        f"{numbers[name.partition('.')[0]]}.{name.partition('.')[2]}": data
        for name, data in files.items()
        if name.partition(".")[0] in numbers
    }
    if len(renamed) != len(files):  # a file that is not named by an address: keep what was written
        return body
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in sorted(renamed):
            packed.writestr(zipfile.ZipInfo(name), renamed[name])
        packed.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema))
    return buffer.getvalue()


def _renumber(node: Any, numbers: dict[str, int]) -> None:
    """Replace addresses by the order in which they appear, in place."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "__id__":
            node[key] = numbers.setdefault(str(value), len(numbers) + 1)
        elif key == "file" and isinstance(value, str):
            address, _, kind = value.partition(".")
            node[key] = f"{numbers.setdefault(address, len(numbers) + 1)}.{kind}"
        elif isinstance(value, dict | list):
            _renumber(value, numbers)


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
