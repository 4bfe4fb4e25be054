"""Asset checks: judgements of what is stored, with a verdict per session in `data_quality`."""
