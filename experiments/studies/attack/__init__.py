"""Are disentangled VAEs easier to attack? Ten by ten tables over seeds."""
