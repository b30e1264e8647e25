"""Contract suites: what every adapter, market and fake must pass."""
