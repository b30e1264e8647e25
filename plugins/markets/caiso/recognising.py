"""Whether a document is one of ours, by its first rows, else by the names that OASIS gives."""

from __future__ import annotations

import re
from typing import Final

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import Carbon254Error
from carbon254.plugins.markets.caiso import oasis

_PRICE_COLUMNS: Final = {"NODE", "LMP_TYPE", "MARKET_RUN_ID"}
_LOAD_COLUMNS: Final = {"TAC_AREA_NAME", "EXECUTION_TYPE", "MW"}

# A report's name stands in the names of its members, a group's in that of the zip.
_BY_NAME: Final = {
    "day_ahead_lmp": re.compile(r"(?:^|_)(?:PRC_LMP_DAM|DAM_LMP_GRP)(?:_|\.|$)"),
    "fmm_lmp": re.compile(r"(?:^|_)(?:PRC_RTPD_LMP|RTPD_LMP_GRP)(?:_|\.|$)"),
    "rtd_lmp": re.compile(r"(?:^|_)(?:PRC_INTVL_LMP|RTM_LMP_GRP)(?:_|\.|$)"),
    "hasp_lmp": re.compile(r"(?:^|_)(?:PRC_HASP_LMP|HASP_LMP_GRP)(?:_|\.|$)"),
    "load": re.compile(r"(?:^|_)SLD_FCST(?:_|\.|$)"),
}
# Reports with the columns of ours that are others: prices of the mitigation runs, of ties, of the last interval.
_OTHERS: Final = re.compile(r"(?:^|_)PRC_(?:MPM|CD|SPTIE|CURR)_")


def recognise(card: MarketCard, document: Document) -> tuple[str, ...]:
    """The dataset that the document may hold; empty when it is none of ours."""
    names = oasis.names_of(document)
    if any(_OTHERS.search(name) for name in names):
        return ()
    return _by_content(card, document) or _by_name(names)


def _by_content(card: MarketCard, document: Document) -> tuple[str, ...]:
    limit = max(dataset.max_unpacked_bytes for dataset in card.datasets.values())
    opened = oasis.members(document, limit)  # held, or the member would be closed at once
    try:
        member = next(opened)
        row = member.file.readline(4096).decode("utf-8", "replace").rstrip("\r\n").split(",")
    except (Carbon254Error, StopIteration):
        return ()
    columns = set(member.header)
    if columns >= _LOAD_COLUMNS:
        return ("load",)
    if columns >= _PRICE_COLUMNS and len(row) == len(member.header):
        word = row[member.header.index("MARKET_RUN_ID")]
        return tuple(
            name
            for name, dataset in card.datasets.items()
            if word in dataset.enums.get("MARKET_RUN_ID", {})
        )
    return ()


def _by_name(names: list[str]) -> tuple[str, ...]:
    found = (dataset for dataset, pattern in _BY_NAME.items() if any(map(pattern.search, names)))
    return tuple(found)
