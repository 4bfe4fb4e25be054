"""Write docs/features.md: `python -m quant_platform.cli.features_page`, a part of `make settings`.

The page lists every feature of every set with its formula, look-back, inputs and source, as the
features state them. A test compares it with what this writes.
"""

import sys
from pathlib import Path

from quant_platform.conventions import FILL_LIMIT
from quant_platform.features.extras import OWN_SESSIONS
from quant_platform.features.feature_registry import Feature, features_of, sets
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.inputs import ECONOMY, KNOWN_SESSIONS

PAGE = "docs/features.md"

HEAD = f"""# Features

Every feature of every set, as its definition states it; `make settings` writes this page from the
code. A value of a session uses bars of sessions up to it alone, in the units of the session. The
look-back is the number of sessions that a value depends on, its own included; {FILL_LIMIT} of them
are those from which a missing bar may be filled. The sets that `QUANT_PLATFORM_FEATURE_SETS` names
are computed and stored each day, one table a set, and the view `feature_store` shows them together.
A set's name stands for all of its features wherever features are named.
"""


INPUTS_READ = {
    "open, high, low, close": "prices as traded, in currency per share",
    "volume": "shares traded",
    "vwap": "volume-weighted average price as traded; unknown where the vendor has none",
    "split, dividend": "new shares per old one, and cash per share, with ex-date that session",
    "sentiment, articles": "sum of the sentiments of the session's articles, and their number",
    "member": "whether the security is in the universe",
    "sector": "its sector, as a number",
    "market_return": "mean total return of the universe's members",
    "series:NAME": f"a column of {', '.join(ECONOMY)}, as last known in {KNOWN_SESSIONS} sessions",
    "own:DATASET.FIELD": "[data of your own](how-to-add.md#data-of-your-own), as last known in"
    f" {OWN_SESSIONS} sessions",
    "own:DATASET.FIELD@SESSIONS": "the same in another number of sessions",
}
"""Inputs that a feature may name, and what they are."""


def page() -> str:
    """Text of the page."""
    rows = "\n".join(
        f"| [{each.name}](#{each.name}) | {len(features_of(each))} | `{each.table}` |"
        f" {each.description} |"
        for each in sets()
    )
    overview = f"| set | features | table | what it is |\n|---|---|---|---|\n{rows}\n"
    inputs = "\n".join(f"| {names} | {text} |" for names, text in INPUTS_READ.items())
    read = f"## Inputs\n\n| input | what it is |\n|---|---|\n{inputs}\n"
    return "\n".join([HEAD, overview, *(_section(each) for each in sets()), read])


def _section(chosen: FeatureSet) -> str:
    kept = "float4, rounded when computed" if chosen.storage == "float4" else "float8"
    sees = "all securities of a session" if chosen.across else "each security by itself"
    rows = "\n".join(_row(each) for each in features_of(chosen))
    return (
        f"## {chosen.name}\n\n{chosen.description} Kept as {kept}; looks at {sees}.\n\n"
        f"| feature | what it is | look-back | inputs | source |\n|---|---|---|---|---|\n{rows}\n"
    )


def _row(each: Feature) -> str:
    cells = (
        f"`{each.name}`",
        each.description,
        str(each.lookback),
        ", ".join(each.inputs),
        each.source or "–",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(checkout: Path) -> None:
    """Write the page of a checkout."""
    (checkout / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
