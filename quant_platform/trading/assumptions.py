"""The table of assumptions in docs/conventions.md, written from `Costs`.

`python -m quant_platform.trading.assumptions docs/conventions.md` writes it in its place, between
`BEGIN` and `END`. What does not belong here: the assumptions (`costs.py`).
"""

import sys
from pathlib import Path

from quant_platform.trading.costs import PRESETS, Costs

BEGIN = "<!-- assumptions: written by python -m quant_platform.trading.assumptions -->"
END = "<!-- end of the assumptions -->"


def assumptions_text() -> str:
    """Return the assumptions as a Markdown table, and what the presets change.

    The presets that stand in for other engines are told by what differs from `ideal`.
    """
    sets = (Costs(), Costs.realistic(), Costs.pessimistic())
    lines = [
        "| assumption | meaning | allowed | `Costs()` | `realistic` | `pessimistic` |",
        "|---|---|---|---|---|---|",
    ]
    for name, (meaning, allowed) in Costs.table().items():
        values = (each.text(name) or "none" for each in sets)
        lines.append(f"| `{name}` | {meaning} | {allowed} | {' | '.join(values)} |")
    lines += ["", "| preset | what differs from `ideal` |", "|---|---|"]
    lines += [
        f"| `{name}` | {str(Costs.preset(name)).replace(' ', ', ')} |"
        for name in PRESETS
        if name.startswith("like_")
    ]
    return "\n".join(lines)


def with_assumptions(text: str) -> str:
    """Return a document with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{assumptions_text()}\n\n{END}{after}"


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_assumptions(document.read_text(encoding="utf-8")), encoding="utf-8")
