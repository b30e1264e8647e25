"""The series store of the embedded default: one DuckDB file with one owner process."""
