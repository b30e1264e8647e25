"""The command ``carbon254``."""


def main() -> None:
    """Run the command line."""
    raise SystemExit("carbon254: the command line is not built yet")
