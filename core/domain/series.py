"""The identity of a series, and the one codec that writes it.

``market / run / measure / kind / location`` (VOCABULARY §1). Written form: bytes of ``A-Z a-z 0-9 . _ : -``
stay, every other byte of the UTF-8 text is ``=XX``; never ``%XX``, which web servers decode before routing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from attrs import field, frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import InvalidRequest

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-")
_TOKEN = re.compile(r"[a-z0-9_]+")
_ESCAPE = re.compile(r"=([0-9A-F]{2})?")
_MAX_LOCATION = 256


def escape(text: str) -> str:
    """Write any text with the codec's plain bytes, every other byte as ``=XX``."""
    raw = text.encode()
    if _PLAIN.issuperset(raw):
        return text
    return "".join(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in raw)


def unescape(text: str) -> str:
    """Read what `escape` wrote. Raises `InvalidRequest` for a stray ``=`` or bytes that are not UTF-8."""
    if "=" not in text:
        return text
    for match in _ESCAPE.finditer(text):
        if match[1] is None:
            raise InvalidRequest(
                f"'{text}': '=' must be followed by two upper-case hex digits, as in '=2F'."
            )
    raw = re.sub(rb"=([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"'{text}' does not decode to UTF-8 text.") from None


def subject_token(text: str) -> str:
    """Write any text as one NATS subject token: the codec, with ``.`` and ``:`` escaped too."""
    return escape(text).replace(".", "=2E").replace(":", "=3A")


@lru_cache(maxsize=4096)
def _check_words(market: str, run: str, measure: str, kind: str) -> None:
    """Check the closed words of a series; thousands of series share them, so each set is checked once."""
    if not _TOKEN.fullmatch(market):
        raise InvalidRequest(f"market '{market}': only a-z, 0-9 and '_' are allowed.")
    stage, hyphen, process = run.partition("-")
    if stage not in vocabulary.stages():
        raise InvalidRequest(
            f"run '{run}': '{stage}' is not one of {', '.join(sorted(vocabulary.stages()))}."
        )
    if hyphen and not _TOKEN.fullmatch(process):
        raise InvalidRequest(
            f"run '{run}': what follows the hyphen must be one token of a-z, 0-9 and '_'."
        )
    vocabulary.check_measure(measure)
    if kind not in vocabulary.kinds():
        raise InvalidRequest(
            f"kind '{kind}' is not one of {', '.join(sorted(vocabulary.kinds()))}."
        )


def _checked(series: SeriesId, attribute: Any, location: str) -> None:
    _check_words(series.market, series.run, series.measure, series.kind)
    if not location or len(location) > _MAX_LOCATION or not location.isprintable():
        raise InvalidRequest(
            f"location {location!r}: 1 to {_MAX_LOCATION} printable characters are needed."
        )


@frozen(order=True, cache_hash=True)
class SeriesId:
    """Which number this is: market, run, measure, location kind and location (verbatim, any characters)."""

    market: str
    run: str
    measure: str
    kind: str
    location: str = field(validator=_checked)

    @classmethod
    def parse(cls, text: str) -> SeriesId:
        """Read the written form. Raises `InvalidRequest` that names the part that is wrong.

        >>> SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND").measure
        'price'
        """
        parts = text.split("/", 4)
        if len(parts) != 5:
            raise InvalidRequest(f"series '{text}': expected market/run/measure/kind/location.")
        market, run, measure, kind, location = parts
        return cls(market, run, measure, kind, unescape(location))

    def __str__(self) -> str:
        return f"{self.market}/{self.run}/{self.measure}/{self.kind}/{escape(self.location)}"

    @property
    def stage(self) -> str:
        """The stage of the run, such as ``day_ahead``."""
        return self.run.partition("-")[0]

    @property
    def measure_name(self) -> str:
        """The measure without its qualifier."""
        return self.measure.partition("-")[0]

    def subject(self) -> str:
        """The NATS subject of single observations of this series (DESIGN §8)."""
        parts = (self.market, self.run, self.measure, self.kind, self.location)
        return "md.v1." + ".".join(subject_token(part) for part in parts)
