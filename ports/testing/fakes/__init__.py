"""Fakes that pass the suites of their ports."""
