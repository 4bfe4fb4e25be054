"""Write `.env.example` and docs/settings.md: `python -m quant_platform.cli.settings_files`.

The settings are those of the platform, then each vendor's, then what Docker Compose alone reads. A
test compares the files with what this writes.
"""

import sys
from dataclasses import replace
from pathlib import Path

from quant_platform.settings import Settings
from quant_platform.settings.document import Entry, entries, example_text, page_text
from quant_platform.vendors.vendor_registry import VARIABLE, vendor_classes

COMPOSE = Entry(
    group="Docker Compose",
    names=("POSTGRES_PASSWORD",),
    form="text",
    default="",
    shown="",
    description="Password of the Postgres container; there is no default. Any character is allowed;"
    " write it in single quotes if it holds $, #, a quote or a space. It is set when the volume is"
    " created; changing it later needs ALTER ROLE as well. The containers ignore DATABASE_URL,"
    " DAGSTER_DATABASE_URL and QUANT_PLATFORM_HOME of this file.",
)


def all_entries() -> list[Entry]:
    """Every setting, in the order in which the files show them."""
    vendors = vendor_classes()
    choice = f"one of: {', '.join(vendors)}"
    platform = [
        replace(entry, form=choice) if VARIABLE in entry.names else entry
        for entry in entries(Settings)
    ]
    own = [
        entry
        for kind in vendors.values()
        if kind.settings_type is not None
        for entry in entries(kind.settings_type)
    ]
    return [*platform, *own, COMPOSE]


def files() -> dict[str, str]:
    """Text of each file, by its path in the checkout."""
    settings = all_entries()
    return {".env.example": example_text(settings), "docs/settings.md": page_text(settings)}


def main(checkout: Path) -> None:
    """Write the files of a checkout."""
    for name, text in files().items():
        (checkout / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
