"""254Carbon: market intelligence for power and carbon markets."""

__version__ = "0.1.0"
