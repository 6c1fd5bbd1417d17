"""From a config to runs and groups: pure, nothing is compiled."""
