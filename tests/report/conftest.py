"""The fixtures that the tests of the report share."""

import browser
import made_up
import pytest

from disentangle_jax import report


@pytest.fixture(scope='session')
def store(tmp_path_factory):
  """A complete made-up store: 2 methods, 3 strengths, 5 seeds, 3 metrics."""
  return made_up.write_store(
    tmp_path_factory.mktemp('store'), made_up.rows_of()
  )


@pytest.fixture(scope='module')
def program(tmp_path_factory):
  tab = browser.Browser(tmp_path_factory.mktemp('profile'))
  tab.allow_clipboard()
  yield tab
  tab.close()


@pytest.fixture
def tab(program):
  """The browser; whatever a test did, nothing was asked for or complained."""
  program.size(1280, 900)
  program.dark(False)
  program.messages.clear()
  yield program
  assert program.messages == []
  assert program.requests == []
  names = program(
    "performance.getEntriesByType('resource').map((e) => e.name)"
    '.filter((name) => !/^(data|blob):/.test(name))'
  )
  assert names == []


@pytest.fixture(scope='module')
def address(tmp_path_factory):
  """30 runs: beta_vae of beta 1, 4, 16 and annealed_vae of c_max 0, 5, 25."""
  folder = tmp_path_factory.mktemp('page')
  made_up.write_store(folder, made_up.rows_of())
  return f'file://{report.write(folder, figures="none")}'
