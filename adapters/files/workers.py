"""`Workers` of a data folder: it has one owner, so whoever else worked there has died."""

from __future__ import annotations

import secrets


class OwnerAlone:
    """The process that owns a data folder, and therefore works there alone."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(8)

    def join(self) -> str:
        return self._name

    def lives(self, name: str) -> bool:
        return name == self._name

    def close(self) -> None:
        """The folder's lock ends with the owner."""
