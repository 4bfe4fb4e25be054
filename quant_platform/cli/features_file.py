"""Write docs/features.md: `python -m quant_platform.cli.features_file`, which `make settings` does.

The page is made of the registry and the features' docstrings. A test compares it with what this
writes. What does not belong here: features, and lists for a terminal (`listing.py`).
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from quant_platform.conventions import FILL_LIMIT
from quant_platform.features import library
from quant_platform.features.feature_registry import Feature, features_of, sets
from quant_platform.features.feature_set import FeatureSet

PAGE = "docs/features.md"

SEPARATOR, BAR, ESCAPED = " | ", "|", "\\|"
"""Between the cells of a table, and what stands for a bar within one."""

HEAD = f"""# Features

Every feature of every set, written from the code by `make settings`. A set is a file or a folder of
`quant_platform/features/library/`; its name stands for all of its features wherever features are
named. Look-back is the number of sessions that a formula reaches back, the session's own included;
{FILL_LIMIT} more are read, from which a missing bar may be filled. Older prices and volumes are
moved into the units of the session. A value is null where it is undefined, and where its window is
not full. `n` is the number in a name.
"""


def families(chosen: FeatureSet) -> Iterator[list[Feature]]:
    """Yield the features of a set that one function makes, in the order of its columns."""
    groups: dict[object, list[Feature]] = {}
    for each in features_of(chosen):
        function = each.function
        family = function.keywords.get("function") if isinstance(function, partial) else None
        groups.setdefault(family or each.name, []).append(each)
    yield from groups.values()


def text_of(each: Feature) -> str:
    """Return the docstring of a feature in one line, or its description where it has none."""
    function: object = each.function
    while isinstance(function, partial):
        function = function.keywords.get("function", function.func)
    text = inspect.getdoc(function)
    return each.description if not text else " ".join(text.split()).replace("{n}", "n")


def row(family: list[Feature]) -> str:
    """Return the line of a family in its set's table."""
    sizes = dict.fromkeys(str(each.lookback - FILL_LIMIT) for each in family)
    cells = (
        ", ".join(f"`{each.name}`" for each in family),
        ", ".join(sizes),
        ", ".join(family[0].inputs),
        text_of(family[0]),
    )
    return f"| {SEPARATOR.join(cell.replace(BAR, ESCAPED) for cell in cells)} |"


def notes(chosen: FeatureSet) -> str:
    """Return what the set's module says of all of its features, without its first line."""
    if chosen.name not in {module.name for module in pkgutil.iter_modules(library.__path__)}:
        return ""
    module = importlib.import_module(f"{library.__name__}.{chosen.name}")
    text = inspect.getdoc(module) or ""
    said, _, _ = text.partition("\n")[2].partition("What does not belong here")
    return f"{said.strip()}\n\n" if said.strip() else ""


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for chosen in sets():
        kept = "" if chosen.storage == "float8" else " Values are rounded to float4."
        count = len(features_of(chosen))
        parts.append(
            f"\n## {chosen.name}\n\n{chosen.description}{kept} {count} features.\n\n{notes(chosen)}"
            "| features | look-back | inputs | what they are |\n|---|---|---|---|\n"
            + "\n".join(row(family) for family in families(chosen))
            + "\n"
        )
    return "".join(parts)


def main(checkout: Path) -> None:
    """Write the page of a checkout."""
    (checkout / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
