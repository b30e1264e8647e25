"""The bytes of a workbook as EEX's (made by Apache POI), with the same bytes each time for the same cells."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape

from carbon254.core.domain.time import format_instant
from carbon254.plugins.markets.eu_ets.package import SHEET

Cells = dict[str, str | float | None]

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_LINK: Final = "https://www.eex.com/en/markets/environmental-markets/emissions-auctions"
_SECTIONS: Final = {
    "B": "References",
    "G": "Prices",
    "L": "Volumes",
    "W": "Participants",
    "Y": "Revenue",
}
_FIXED: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can state

_TITLES: Final = (
    ("Date", "Date"), ("Time", "Time"), ("Auction Name", "Auction Name"), ("Contract", "Contract"),
    ("Status", "Status"), ("Auction Price", "Auction Price €/tCO2"), ("Minimum Bid", "Minimum Bid €/tCO2"),
    ("Maximum Bid", "Maximum Bid €/tCO2"), ("Mean", "Mean €/tCO2"), ("Median", "Median €/tCO2"),
    ("Auction Volume", "Auction Volume tCO2"), ("Total Amount of Bids", "Total Amount of Bids"),
    ("Number of bids submitted", "Number of bids submitted"),
    ("Number of successful bids", "Number of successful bids"),
    ("Average number of bids per bidder", "Average number of bids per bidder"),
    ("Average bid size", "Average bid size"),
    ("Average volume bid per bidder", "Average volume bid per bidder"),
    ("Standard deviation of bid volume per bidder", "Standard deviation of bid volume per bidder"),
    ("Average volume won per bidder", "Average volume won per bidder"),
    ("Standard deviation of volume won per bidder", "Standard deviation of volume won per bidder"),
    ("Cover Ratio", "Cover Ratio"), ("Total Number of Bidders", "Total Number of Bidders"),
    ("Number of Successful Bidders", "Number of Successful Bidders"), ("Total Revenue", "Total Revenue €"),
)  # fmt: skip
_BENEFICIARIES: Final = (  # name, code, first and last year
    ("Austria", "AT"), ("Belgium", "BE"), ("Bulgaria", "BG"), ("Cyprus", "CY"), ("Czech Republic", "CZ"),
    ("Germany", "DE"), ("Denmark", "DK"), ("Estonia", "EE"), ("Greece", "EL"), ("Spain", "ES"), ("Finland", "FI"),
    ("France", "FR"), ("Croatia", "HR"), ("Hungary", "HU"), ("Ireland", "IE"), ("Innovation Fund", "IF"),
    ("Iceland", "IS"), ("Italy", "IT"), ("InnoFund RRF", "IX"), ("Liechtenstein", "LI"), ("Lithuania", "LT"),
    ("Luxembourg", "LU"), ("Latvia", "LV"), ("Modernisation Fund", "MF"), ("Malta", "MT"), ("MS RRF", "MX"),
    ("Netherlands", "NL"), ("Norway", "NO"), ("Poland", "PL"), ("Portugal", "PT"), ("Romania", "RO"),
    ("Sweden", "SE"), ("Social Climate Fund", "SF"), ("Slovenia", "SI"), ("Slovakia", "SK"),
    ("Northern Ireland", "XI"),
)  # fmt: skip
_FROM: Final = {"IX": 2023, "MF": 2021, "MX": 2023, "XI": 2021, "SF": 2026}
_TO: Final = {"XI": 2025}


_STYLE_OF: Final = {"Date": 1, "Time": 2}
_STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="dd.mm.yyyy"/>'
    '<numFmt numFmtId="165" formatCode="hh:mm"/></numFmts><fonts count="1"><font><sz val="10.0"/></font></fonts>'
    '<fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders>'
    '<cellXfs count="3"><xf/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
)


def headers(year: int) -> tuple[tuple[str, str], ...]:
    """The columns of a year: our title, and what stands in the head of the table."""
    there = [(n, c) for n, c in _BENEFICIARIES if _FROM.get(c, 0) <= year <= _TO.get(c, 9999)]
    zone = ("Zone", "Zone" if year >= 2026 else "Country")
    return (*_TITLES, zone, *((f"{name} ({code})", f"{name}\n({code})") for name, code in there))


class _Strings:
    """The texts of a workbook, each kept once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def cell(self, place: str, text: str) -> str:
        number = self._places.setdefault(text, len(self._places))
        return f'<c r="{place}" t="s"><v>{number}</v></c>'

    def xml(self) -> str:
        items = "".join(
            f"<si><t>{escape(text)}</t></si>" if text else "<si><t/></si>" for text in self._places
        )
        return f'{_HEAD}<sst uniqueCount="{len(self._places)}" xmlns="{_MAIN}">{items}</sst>'


def workbook(year: int, rows: Sequence[Cells], made: datetime) -> bytes:
    """The workbook of a year, made at an instant: the bytes of the xlsx."""
    strings = _Strings()
    sheet = _sheet(headers(year), rows, strings)
    parts = {
        **_frame(made),
        "xl/sharedStrings.xml": strings.xml(),
        "xl/worksheets/sheet1.xml": sheet,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, text in parts.items():
            info = zipfile.ZipInfo(name, _FIXED)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, text.encode())
    return out.getvalue()


def _sheet(titles: Sequence[tuple[str, str]], rows: Sequence[Cells], strings: _Strings) -> str:
    last = f"{_letters(len(titles))}{6 + len(rows)}"
    lines = [*_headings(strings)]
    head = (strings.cell(f"{_letters(n)}6", text) for n, (_, text) in enumerate(titles, 1))
    lines.append(f'<row r="6">{"".join(head)}</row>')
    for number, cells in enumerate(rows, 7):
        values = (
            _cell(f"{_letters(n)}{number}", title, cells[title], strings)
            for n, (title, _) in enumerate(titles, 1)
        )
        lines.append(f'<row r="{number}">{"".join(values)}</row>')
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}" xmlns:r="{_OFFICE}/relationships"><dimension ref="B2:{last}"/>'
        f"<sheetData>{''.join(lines)}</sheetData></worksheet>"
    )


def _headings(strings: _Strings) -> Iterator[str]:
    yield f'<row r="2">{strings.cell("D2", "Public")}</row>'
    link = f'<c r="D3"><f>HYPERLINK("{_LINK}","{_LINK}")</f></c>'
    yield f'<row r="3">{strings.cell("B3", "More information")}{link}</row>'
    yield f'<row r="4">{strings.cell("L4", "EEX Emissions market / Primary Market Auction")}</row>'
    sections = (strings.cell(f"{column}5", text) for column, text in _SECTIONS.items())
    yield f'<row r="5">{"".join(sections)}</row>'


def _cell(place: str, title: str, value: str | float | None, strings: _Strings) -> str:
    if value is None:
        return f'<c r="{place}"/>'
    if isinstance(value, str):
        return strings.cell(place, value)
    style = f' s="{_STYLE_OF[title]}"' if title in _STYLE_OF else ""
    return f'<c r="{place}" t="n"{style}><v>{java_double(value)}</v></c>'


def java_double(value: float) -> str:
    """A number as Java writes it, which is how it stands in the sheet.

    >>> java_double(3248000.0), java_double(206702720.0)
    ('3248000.0', '2.0670272E8')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(text) - 1}"


def _letters(place: int) -> str:
    """The letters of a column, B being 1."""
    place, letters = place + 1, ""
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _frame(made: datetime) -> Mapping[str, str]:
    """Everything around the sheet and its texts."""
    return {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relations(
            (f"{_OFFICE}/relationships/officeDocument", "xl/workbook.xml"),
            (f"{_OFFICE}/relationships/extended-properties", "docProps/app.xml"),
            (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
        ),
        "docProps/app.xml": f'{_HEAD}<Properties xmlns="{_OFFICE}/extended-properties"/>',
        "docProps/core.xml": (
            f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
            'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f'<dcterms:created xsi:type="dcterms:W3CDTF">{format_instant(made.replace(microsecond=0))}'
            "</dcterms:created></cp:coreProperties>"
        ),
        "xl/workbook.xml": (
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}/relationships"><workbookPr date1904="false"/>'
            f'<sheets><sheet name="{SHEET}" r:id="rId3" sheetId="1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relations(
            (f"{_OFFICE}/relationships/sharedStrings", "sharedStrings.xml"),
            (f"{_OFFICE}/relationships/styles", "styles.xml"),
            (f"{_OFFICE}/relationships/worksheet", "worksheets/sheet1.xml"),
        ),
        "xl/styles.xml": _STYLES,
    }


def _relations(*targets: tuple[str, str]) -> str:
    numbered = enumerate(targets, 1)
    items = "".join(
        f'<Relationship Id="rId{n}" Target="{t}" Type="{kind}"/>' for n, (kind, t) in numbered
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _content_types() -> str:
    kinds: Iterable[tuple[str, str]] = (
        (
            "/docProps/app.xml",
            "application/vnd.openxmlformats-officedocument.extended-properties+xml",
        ),
        ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
        ("/xl/sharedStrings.xml", f"{_SPREADSHEET}.sharedStrings+xml"),
        ("/xl/styles.xml", f"{_SPREADSHEET}.styles+xml"),
        ("/xl/workbook.xml", f"{_SPREADSHEET}.sheet.main+xml"),
        ("/xl/worksheets/sheet1.xml", f"{_SPREADSHEET}.worksheet+xml"),
    )
    overrides = "".join(
        f'<Override ContentType="{kind}" PartName="{part}"/>' for part, kind in kinds
    )
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default ContentType="application/vnd.openxmlformats-package.relationships+xml" Extension="rels"/>'
        f'<Default ContentType="application/xml" Extension="xml"/>{overrides}</Types>'
    )
