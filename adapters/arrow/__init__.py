"""Columns as Arrow streams."""
