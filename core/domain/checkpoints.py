"""The text of a checkpoint: which log, how many entries, and the root over them (C2SP ``tlog-checkpoint``)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.merkle import TreeHead

ORIGIN: Final = "carbon254-audit"


def checkpoint_text(head: TreeHead) -> str:
    """The text that is signed."""
    return f"{ORIGIN}\n{head.size}\n{base64.b64encode(head.root).decode()}\n"


def read_checkpoint(text: str) -> TreeHead:
    """Read what `checkpoint_text` wrote. Raises `DocumentDamaged`."""
    lines = text.split("\n")
    try:
        origin, size, root = lines[:3]
        head = TreeHead(int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error):
        raise DocumentDamaged(
            "a checkpoint has three lines: log, number of entries, root."
        ) from None
    if origin != ORIGIN:
        raise DocumentDamaged(f"this is a checkpoint of '{origin}', not of {ORIGIN}.")
    return head


def split_notes(text: str) -> Sequence[str]:
    """The notes of a file; a cut one at the end is left out."""
    parts = text.split("\n\n")[:-1]  # text and signature of each, in turn
    return [
        f"{text}\n\n{signature}\n" for text, signature in zip(parts[::2], parts[1::2], strict=False)
    ]
