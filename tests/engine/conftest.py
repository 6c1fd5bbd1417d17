"""The tiny study as a fixture."""

import pytest
import tiny_study


@pytest.fixture
def config():
  return tiny_study.tiny_config()
