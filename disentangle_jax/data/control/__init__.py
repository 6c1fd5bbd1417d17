"""Environments: what an agent acts in, each a data set as well."""
