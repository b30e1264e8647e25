"""The local socket of a data folder: other commands of the same user reach the process that owns it."""
