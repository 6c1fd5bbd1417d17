"""Studies: one module with `get_config(variant)` each."""
