"""The code location: the one `Definitions` object that Dagster loads."""

from quant_platform.defs.build import build_defs

defs = build_defs()
