"""Feature functions over a `Panel`, their registry, and the rolling kernels beneath them."""
