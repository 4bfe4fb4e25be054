"""`SettingsModel`: settings that are stated once, as the fields of a frozen pydantic model.

A field says its variable, group, type, limits, default and description. From them come the reading
of a text, the error about a wrong one, `.env.example` and docs/settings.md (`document.py`). A model
is read from an `Environment`:

1. find each field's text under its names; an empty text is no value, so the default holds;
2. validate all texts at once;
3. raise a `SettingsError` for the first wrong one, which names its variable and what to write.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from quant_platform.errors import SettingsError
from quant_platform.settings.environment import Environment
from quant_platform.settings.values import Form, without_password


@dataclass(frozen=True)
class Variable:
    """What the environment calls a setting, and where it stands among the others.

    Attributes
    ----------
    group : title of the settings it is shown with
    name : variable of the environment
    also : second name, which counts where the first is empty
    example : value to show where there is no default
    """

    group: str
    name: str
    also: str = ""
    example: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Its names, the one that counts first."""
        return (self.name, self.also) if self.also else (self.name,)


class SettingsModel(BaseModel):
    """Base of all settings; fields without a `Variable` are not read from the environment."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings.

        Raises
        ------
        SettingsError
            A value cannot be read; the message names the variable, never a secret value.
        """
        texts = {
            field: environment.find(*variable.names) for field, variable in variables(cls).items()
        }
        try:
            return cls.model_validate({field: text for field, (_, text) in texts.items() if text})
        except ValidationError as error:
            field = str(error.errors(include_input=False)[0]["loc"][0])
        # Raised outside the handler, so that the value is not in the traceback.
        raise _wrong(cls.model_fields[field], *texts[field])

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show the settings without the passwords of URLs; keys hide themselves."""
        for name, value in super().__repr_args__():
            yield name, without_password(value) if isinstance(value, str) else value


def variables(model: type[SettingsModel]) -> Mapping[str, Variable]:
    """Return the variables of a model by field, in their order."""
    return {
        name: item
        for name, field in model.model_fields.items()
        for item in field.metadata
        if isinstance(item, Variable)
    }


def form_of(field: FieldInfo) -> Form:
    """Return how a field's value is written: its type's own form, or that of its limits."""
    for item in (*field.metadata, *_parts(field.annotation)):
        if isinstance(item, Form):
            return item
    if get_origin(field.annotation) is Literal:
        return Form(f"one of: {', '.join(map(str, get_args(field.annotation)))}")
    if field.annotation in (int, float):
        kind = "a whole number" if field.annotation is int else "a number"
        return Form(f"{kind} {_limits(field)}".strip())
    return Form("a folder" if field.annotation is Path else "text")


def _parts(annotation: Any) -> Iterator[Any]:
    """Everything inside a type, such as the types of a union and what is annotated to them."""
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _limits(field: FieldInfo) -> str:
    low = [item.ge for item in field.metadata if isinstance(item, Ge)]
    high = [item.le for item in field.metadata if isinstance(item, Le)]
    if low and high:
        return f"from {low[0]:g} to {high[0]:g}"
    return f"at least {low[0]:g}" if low else ""


def _wrong(field: FieldInfo, name: str, text: str) -> SettingsError:
    form = form_of(field)
    return SettingsError(
        f"{name} {form.fault or f'is {text!r}'}", form.hint or f"It must be {form.description}"
    )
