"""The command line (typer). Imports are lazy: ``carbon254 markets`` loads neither pandas nor a store."""
