"""The command `quant-platform`.

Heavy imports happen inside the commands, so that help and status start at once.
"""
