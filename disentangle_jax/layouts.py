"""What stands in a method's code vector, also where the method does not say."""

from disentangle_jax import errors, types


def layout_of(
  method: types.Method, codes: types.Codes | None
) -> types.Layout | None:
  """What stands in a method's code vector.

  Args:
    method: with its own `layout`, or without.
    codes: shapes of what `represent` gives; None without an encoder.

  Returns:
    The method's own layout; without one, Gaussian latents as wide as the part
    'mean' where there is a 'logvar', and plain numbers behind; None where there
    is neither a layout nor an encoder.

  Raises:
    ConfigError: a layout that does not fit the codes.
  """
  layout = method.layout
  if codes is None:
    return layout
  width = codes.vector.shape[-1]
  known = 'mean' in codes.parts and 'logvar' in codes.parts
  gaussian = codes.parts['mean'].shape[-1] if known else 0
  if layout is None:
    return types.Layout(gaussian=gaussian, plain=width - gaussian)
  if layout.width != width or layout.gaussian != gaussian:
    rule = f'does not fit codes of width {width} with {gaussian} means'
    raise errors.value("the method's layout", layout, rule)
  return layout
