"""The fixture that the tests of the report share."""

import made_up
import pytest


@pytest.fixture(scope='session')
def store(tmp_path_factory):
  """A complete made-up store: 2 methods, 3 strengths, 5 seeds, 3 metrics."""
  return made_up.write_store(
    tmp_path_factory.mktemp('store'), made_up.rows_of()
  )
