"""What the platform needs from the world, as small protocols; `testing` holds the tests that define each."""
