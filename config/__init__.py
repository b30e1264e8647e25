"""Settings, the container and the entry points: the only place where objects are put together."""
