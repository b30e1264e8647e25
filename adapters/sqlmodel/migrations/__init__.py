"""Changes of the record store's tables, in order; run by `postgres.upgrade`.

A new one, against a database that is up to date but for it: `alembic revision --autogenerate`; then the test that
holds the migrations against the tables says whether it is whole.
"""
