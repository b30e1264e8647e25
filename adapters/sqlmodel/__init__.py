"""The record store through SQLModel: SQLite for the embedded default, Postgres for a server."""
