"""The operator's marks of a price in our words, and back (VOCABULARY §7.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Column
from carbon254.core.domain.vocabulary import Finality, Flag

# APCFLAG is a set of five bits: administered price binds, market price overridden at the old VoLL, market price cap or
# floor binds, overwritten by hand, scaled by a loss factor.
APC_BINDS, VOLL_OVERRIDE, CAP_OR_FLOOR, BY_HAND, LOSS_SCALED = 1, 2, 4, 8, 16
_KNOWN_BITS = 31
_STATUS = {"FIRM": Finality.FINAL, "NOT FIRM": Finality.PRELIMINARY}


def apc_flags(bits: Column, price: Column, original: Column, where: str) -> Column:
    """Flags of APCFLAG. A bound limit is a cap where it lowered the operator's price, a floor where it raised it.

    Where both prices are equal, or the original one is not given, the sign of the price tells.
    Raises `FeedFormatChanged` for a bit that we do not know.
    """
    bits = whole(bits, where, "APCFLAG")
    if (strange := bits & ~_KNOWN_BITS).any():
        raise FeedFormatChanged(
            f"{where}: APCFLAG has unknown bits: {bits[np.flatnonzero(strange)[0]]}."
        )
    moved = np.where(np.isnan(original), 0.0, original - price)
    lowered = np.where(moved == 0, price > 0, moved > 0)
    flags = np.zeros(len(bits), dtype=np.uint32)
    flags[(bits & (APC_BINDS | VOLL_OVERRIDE)) != 0] |= np.uint32(Flag.ADMINISTERED)
    flags[(bits & CAP_OR_FLOOR != 0) & lowered] |= np.uint32(Flag.CAPPED)
    flags[(bits & CAP_OR_FLOOR != 0) & ~lowered] |= np.uint32(Flag.FLOORED)
    flags[(bits & BY_HAND) != 0] |= np.uint32(Flag.MANUAL)
    flags[(bits & LOSS_SCALED) != 0] |= np.uint32(Flag.SCALED)
    return flags


def apc_bits(flags: int) -> int:
    """APCFLAG as it is written for a price with these flags."""
    pairs = (
        (Flag.ADMINISTERED, APC_BINDS),
        (Flag.CAPPED | Flag.FLOORED, CAP_OR_FLOOR),
        (Flag.MANUAL, BY_HAND),
        (Flag.SCALED, LOSS_SCALED),
    )
    return sum(bit for flag, bit in pairs if flags & flag)


def switch(values: Column, flag: Flag, where: str, column: str) -> Column:
    """Flags of a column that holds 0 or 1; empty is 0. Raises `FeedFormatChanged` for any other number."""
    known = whole(values, where, column)
    if (strange := (known != 0) & (known != 1)).any():
        raise FeedFormatChanged(
            f"{where}: {column} is {known[np.flatnonzero(strange)[0]]}, not 0 or 1."
        )
    return np.where(known == 1, np.uint32(flag), np.uint32(0)).astype(np.uint32)


def whole(values: Column, where: str, column: str) -> Column:
    """A column of whole numbers as integers; empty is 0. Raises `FeedFormatChanged` for a fraction."""
    filled = np.where(np.isnan(values), 0.0, values)
    if (broken := filled != np.floor(filled)).any():
        raise FeedFormatChanged(
            f"{where}: {column} is {filled[np.flatnonzero(broken)[0]]}, not a whole number."
        )
    return filled.astype(np.int64)


def finality(words: Any, where: str) -> Column:
    """Finality of PRICE_STATUS; empty is final. Raises `FeedFormatChanged` for an unknown word."""
    coded = words.dictionary_encode()
    table = coded.dictionary.to_pylist()
    if unknown := [word for word in table if word not in _STATUS]:
        raise FeedFormatChanged(
            f"{where}: PRICE_STATUS '{unknown[0]}' is not {' or '.join(_STATUS)}."
        )
    codes: Column = coded.indices.fill_null(len(table)).to_numpy(zero_copy_only=False)
    ranks: Column = np.array([*(_STATUS[word] for word in table), Finality.FINAL], dtype=np.uint8)
    return ranks[codes]
