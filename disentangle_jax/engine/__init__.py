"""Plan, train, evaluate, store."""

from disentangle_jax.engine.outlook import dry_run
from disentangle_jax.engine.plan.algebra import chain, product, zipped
from disentangle_jax.engine.plan.declare import base_config
from disentangle_jax.engine.sweep import sweep

__all__ = ['base_config', 'chain', 'dry_run', 'product', 'sweep', 'zipped']
