"""Readings written as OASIS would serve them: a zip with one CSV for each operating day and report.

Lines come in no order of time, as OASIS gives them. What has no line on the wire cannot be written: `InvalidRequest`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column, Reading, from_instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import local_instant, operating_day, zone
from carbon254.core.domain.vocabulary import Finality, State
from carbon254.plugins.markets.caiso.oasis import ZONE

_HEADER: Final = "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,"
_PRICES: Final = (
    _HEADER
    + "OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,LMP_TYPE,XML_DATA_ITEM,"
    "PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)
_REAL_TIME: Final = (
    _HEADER + "OPR_DT,OPR_HR,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,LMP_TYPE,XML_DATA_ITEM,"
    "PNODE_RESMRID,GRP_TYPE,POS,{number},OPR_INTERVAL,GROUP"
)
_LOAD: Final = (
    _HEADER
    + "LOAD_TYPE,OPR_DT,OPR_HR,OPR_INTERVAL,MARKET_RUN_ID,TAC_AREA_NAME,LABEL,XML_DATA_ITEM,POS,MW,"
    "EXECUTION_TYPE,GROUP"
)
_PRICE_ITEMS: Final = {
    "LMP": "LMP_PRC",
    "MCC": "LMP_CONG_PRC",
    "MCE": "LMP_ENE_PRC",
    "MCL": "LMP_LOSS_PRC",
    "MGHG": "LMP_GHG_PRC",
}
_LOAD_ITEMS: Final = {
    "ACTUAL": ("ACTUAL", "Total Actual Hourly Integrated Load", "SYS_FCST_ACT_MW"),
    "DAM": ("DAM", "Demand Forecast Day Ahead", "SYS_FCST_DA_MW"),
    "2DA": ("2DA", "Demand Forecast 2-Day Ahead", "SYS_FCST_2DA_MW"),
    "7DA": ("7DA", "Demand Forecast 7-Day Ahead", "SYS_FCST_7DA_MW"),
    "RTPD": ("RTM", "RTM 15Min Load Forecast", "SYS_FCST_15MIN_MW"),
    "RTD": ("RTM", "RTM 5Min Load Forecast", "SYS_FCST_5MIN_MW"),
}
_OPERATORS_FLAGS: Final = np.uint32(0xFFFF)


@frozen
class Slot:
    """An interval as the wire labels it."""

    day: date
    gmt: str  # both instants
    hour: int
    interval: int  # 0 for an hour, else its number within the hour
    opr: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "opr", f"{self.day},{self.hour}")

    @property
    def order(self) -> int:
        """A place among the day's lines that is not the order of time."""
        return self.hour * 7 % 25 * 1000 + self.interval


Line = Callable[[Slot, str, str, int], str]  # slot, place, number, group


@frozen
class Report:
    """A report of OASIS: what its documents are called, their header, and how long after the day they are asked for."""

    name: str
    version: int
    header: str
    asked: timedelta


def _hour_ahead_line(run: str, word: str) -> Line:
    item = _PRICE_ITEMS[word]

    def line(slot: Slot, place: str, number: str, group: int) -> str:
        return (
            f"{slot.gmt},{slot.opr},{slot.interval},{place},{place},{place},{run},{word},{item},{place},"
            f"{_group_type(place)},0,{number},{group}\n"
        )

    return line


def _real_time_line(run: str, word: str) -> Line:
    item = _PRICE_ITEMS[word]

    def line(slot: Slot, place: str, number: str, group: int) -> str:
        return (
            f"{slot.gmt},{slot.opr},{place},{place},{place},{run},{word},{item},{place},"
            f"{_group_type(place)},0,{number},{slot.interval},{group}\n"
        )

    return line


def _load_line(word: str) -> Line:
    run, label, item = _LOAD_ITEMS[word]

    def line(slot: Slot, place: str, number: str, group: int) -> str:
        position = 0 if place == "CA ISO-TAC" else 0.8
        return (
            f"{slot.gmt},0,{slot.opr},{slot.interval},{run},{place},{label},{item},{position},"
            f"{number},{word},{group}\n"
        )

    return line


def _group_type(place: str) -> str:
    return "ALL_APNODES" if place.endswith("-APND") else "ALL"


_DAY_BEFORE: Final = timedelta(days=-1, hours=13, minutes=5)
_DAY_AFTER: Final = timedelta(days=1, hours=2, minutes=30)
_REPORTS: Final = {
    "day_ahead_lmp": Report("PRC_LMP_DAM", 12, _PRICES, _DAY_BEFORE),
    "fmm_lmp": Report("PRC_RTPD_LMP_RTPD", 3, _REAL_TIME.format(number="PRC"), _DAY_AFTER),
    "rtd_lmp": Report("PRC_INTVL_LMP_RTM", 3, _REAL_TIME.format(number="VALUE"), _DAY_AFTER),
    "hasp_lmp": Report("PRC_HASP_LMP_HASP", 3, _PRICES, _DAY_AFTER),
}


def write(card: MarketCard, dataset: str, reading: Reading) -> Iterator[Document]:
    """Yield the documents that hold the reading. Raises `InvalidRequest` for a row that the wire has no line for."""
    words = [_word(card, dataset, series) for series in reading.series]
    reports = [_report(dataset, word) for word in words]
    slots, slot_of = _slots(reading)
    rows = np.flatnonzero(_has_line(reading))
    days = np.array([slot.day.toordinal() for slot in slots], dtype=np.int64)
    makers = [_line_maker(card, dataset, word) for word in words]
    first_of = np.array([reports.index(report) for report in reports], dtype=np.int64)
    report_of, day_of = first_of[reading.code[rows]], days[slot_of[rows]]
    for report, day in np.unique(np.stack([report_of, day_of], axis=1), axis=0).tolist():
        chosen = rows[(day_of == day) & (report_of == report)]
        lines = _lines(reading, words, makers, slots, (chosen, slot_of[chosen]))
        yield _document(reports[report], date.fromordinal(day), reading.document_stamp, lines)


def _word(card: MarketCard, dataset: str, series: SeriesId) -> str:
    """The category's word on the wire for a series."""
    enums = card.dataset(dataset).enums
    table, ours = (
        ("EXECUTION_TYPE", series.run) if dataset == "load" else ("LMP_TYPE", series.measure)
    )
    for word, meaning in enums[table].items():
        if meaning == ours and card.dataset(dataset).feeds(series):
            return word
    raise InvalidRequest(f"{series} has no place in documents of '{dataset}'.")


def _report(dataset: str, word: str) -> Report:
    if dataset == "load":
        return Report(f"SLD_FCST_{_LOAD_ITEMS[word][0]}", 1, _LOAD, _DAY_AFTER)
    return _REPORTS[dataset]


def _has_line(reading: Reading) -> Column:
    """Which rows have a line: a part that is not applicable has none, and a missing number an empty field."""
    ghg = np.array([series.measure == "price_ghg" for series in reading.series], dtype=bool)
    absent = (reading.state == State.NOT_APPLICABLE) & ghg[reading.code]
    written: Column = (reading.state == State.OK) | (reading.state == State.MISSING)
    unmarked = (reading.flags & _OPERATORS_FLAGS == 0) & (reading.finality == Finality.FINAL)
    if not np.all((absent | written) & unmarked):
        raise InvalidRequest(
            "OASIS has no marks: only final rows without its flags can be written."
        )
    return written


def _slots(reading: Reading) -> tuple[list[Slot], Column]:
    """The intervals of the reading, and which of them each row has."""
    seconds = reading.interval_start.astype("datetime64[s]").astype(np.int64)
    length = reading.interval_end.astype("datetime64[s]").astype(np.int64) - seconds
    _, first, slot_of = np.unique(
        seconds * 100_000 + length, return_index=True, return_inverse=True
    )
    starts, ends = reading.interval_start[first], reading.interval_end[first]
    return [_slot(*pair) for pair in zip(starts, ends, strict=True)], slot_of


def _slot(start64: np.datetime64, end64: np.datetime64) -> Slot:
    start, end = from_instant64(start64), from_instant64(end64)
    assert start is not None
    assert end is not None
    local = start.astimezone(zone(ZONE))
    # The hour that the clock shows a second time is number 25 [P]; the hour that it skips has no line.
    hour = 25 if local.fold else local.hour + 1
    interval = (
        0
        if end - start >= timedelta(hours=1)
        else local.minute // ((end - start).seconds // 60) + 1
    )
    return Slot(operating_day(start, ZONE), f"{_gmt(start)},{_gmt(end)}", hour, interval)


def _gmt(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}-00:00"


def _lines(
    reading: Reading,
    words: list[str],
    makers: list[Line],
    slots: list[Slot],
    chosen: tuple[Column, Column],
) -> Iterator[str]:
    """The lines of rows and their slots: by category and place, within them in no order of time."""
    rows, slot_of = chosen
    series = reading.series
    blocks = sorted(range(len(series)), key=lambda code: (words[code], series[code].location))
    block_of = np.empty(len(series), dtype=np.int64)
    block_of[blocks] = np.arange(1, len(series) + 1)
    order = np.array([slot.order for slot in slots])[slot_of]
    order = np.lexsort((order, block_of[reading.code[rows]]))
    rows, slot_of = rows[order], slot_of[order]
    columns = (reading.code[rows], slot_of, reading.value[rows], block_of[reading.code[rows]])
    for code, slot, value, block in zip(*(column.tolist() for column in columns), strict=True):
        yield makers[code](slots[slot], series[code].location, _number(value), block)


def _line_maker(card: MarketCard, dataset: str, word: str) -> Line:
    if dataset == "load":
        return _load_line(word)
    (run,) = card.dataset(dataset).enums["MARKET_RUN_ID"]
    header = _REPORTS[dataset].header
    return (_hour_ahead_line if header == _PRICES else _real_time_line)(run, word)


def _number(value: float) -> str:
    """The shortest text that reads back as the number; nothing where there is none."""
    if value != value:
        return ""
    text = repr(value).removesuffix(".0")
    return format(Decimal(text), "f") if "e" in text else text


def _document(report: Report, day: date, stamp: datetime | None, lines: Iterable[str]) -> Document:
    asked = stamp or local_instant(day, time(0), ZONE) + report.asked
    local = asked.astimezone(zone(ZONE))
    name = f"{day:%Y%m%d}_{day:%Y%m%d}_{report.name}_{local:%Y%m%d_%H_%M_%S}_v{report.version}"
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed time: the same rows give the same bytes.
        info = zipfile.ZipInfo(f"{name}.csv", (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with (
            archive.open(info, "w") as member,
            io.TextIOWrapper(member, "utf-8", newline="\n") as text,
        ):
            text.write(report.header + "\n")
            text.writelines(lines)
    return Document(f"{name}.zip", body.getvalue(), "application/x-zip-compressed")
