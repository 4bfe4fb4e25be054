"""Typed strategy parameters, and the error about a value that is not allowed."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from quant_platform.errors import SettingsError


class StrategyParameters(BaseModel):
    """Base of every strategy's parameters: immutable, finite numbers only, unknown names refused.

    Write each parameter as an annotated field with its default, its range and a description that
    states the unit; the range appears in the message a user gets for a value outside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


P = TypeVar("P", bound=StrategyParameters)

_BOUNDS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))


def build_parameters(strategy: str, model: type[P], values: Mapping[str, Any]) -> P:
    """Validate `values` as the parameters of `strategy`.

    Raises
    ------
    SettingsError
        A name the strategy does not have, or a value outside its range; the message names the
        strategy, the parameter, the value given and the range allowed.
    """
    unknown = sorted(set(values) - set(model.model_fields))
    if unknown:
        names = ", ".join(sorted(model.model_fields)) or "none"
        raise SettingsError(
            f"Strategy {strategy} has no parameter {', '.join(unknown)}",
            f"Its parameters: {names}.",
        )
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            reason = re.sub(r"^Value error, ", "", first["msg"])
            raise SettingsError(f"Strategy {strategy}: {reason}") from None
        name = str(first["loc"][0])
        raise SettingsError(
            f"Strategy {strategy}: parameter {name} is {values[name]!r}",
            f"Allowed: {allowed_range(model.model_fields[name])}.",
        ) from None


def allowed_range(field: FieldInfo) -> str:
    """Return the values a parameter may take, in words: `a number, ≥ 0, ≤ 1`."""
    kinds: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}
    parts = [kinds.get(field.annotation, str(field.annotation))]
    for constraint in field.metadata:
        parts += [
            f"{sign} {getattr(constraint, name)}"
            for name, sign in _BOUNDS
            if getattr(constraint, name, None) is not None
        ]
    return ", ".join(parts)
