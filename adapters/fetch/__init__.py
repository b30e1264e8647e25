"""Fetching documents over HTTP, politely and safely."""

from carbon254.adapters.fetch.http import HttpFetcher
from carbon254.adapters.fetch.retries import Patience

__all__ = ["HttpFetcher", "Patience"]
