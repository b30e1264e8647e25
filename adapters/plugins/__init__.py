"""The pluggy host: finds installed plugins by entry point and loads them one by one."""
