"""Asset definitions, one module per group; every function is a few lines that call the library."""
