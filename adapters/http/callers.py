"""What callers may ask about themselves, about refusals, and what auditors may read."""

from __future__ import annotations
