"""Risk from characteristics: exposures, factor returns, covariances and what they forecast."""
