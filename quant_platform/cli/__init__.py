"""The command `quant-platform`.

Heavy imports happen inside the commands, so that help and status start at once. What does not
belong here: work that a notebook or an asset could need as well (`pipeline/`).
"""
