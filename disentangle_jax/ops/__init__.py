"""Array maths without models: pure functions of jnp arrays."""
