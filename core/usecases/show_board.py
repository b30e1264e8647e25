"""Placeholder until the board is built."""

from typing import Any


class ShowBoard:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts
