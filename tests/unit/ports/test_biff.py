"""Where the cells of an .xls stand in its bytes."""

import struct

import pytest

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import NotFound
from carbon254.ports.biff import cell_record
from carbon254.ports.testing.xls import xls_book

pytest.importorskip("xlrd", reason="the extra 'xls' is not installed")

BOOK = Document(
    "made.xls", xls_book({"first": [[1.5, "a"], [], [2.5]], "second": [["b", None, 3.5]]})
)


def label(row: int, column: int, text: str) -> bytes:
    data = struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode()
    return struct.pack("<HH", 0x0204, len(data)) + data


def number(row: int, column: int, value: float) -> bytes:
    return struct.pack("<HHHHHd", 0x0203, 14, row, column, 0, value)


@pytest.mark.parametrize(
    ("sheet", "row", "column", "record"),
    [
        (0, 0, 0, number(0, 0, 1.5)),
        (0, 0, 1, label(0, 1, "a")),
        (0, 2, 0, number(2, 0, 2.5)),
        (1, 0, 0, label(0, 0, "b")),
        (1, 0, 2, number(0, 2, 3.5)),
        pytest.param(1, 0, 1, label(0, 0, "b"), id="an empty cell is its row's first"),
    ],
)
def test_a_cell_is_found_in_its_sheet(sheet: int, row: int, column: int, record: bytes) -> None:
    assert cell_record(BOOK, sheet, row, column) == record


def test_a_cell_of_several_in_one_record_is_found_in_it() -> None:
    rk = b"".join(struct.pack("<HI", 0, value << 2 | 2) for value in (7, 8))  # whole numbers
    several = struct.pack("<HHHH", 0x00BD, 6 + len(rk), 4, 0) + rk + struct.pack("<H", 1)
    single = number(4, 0, 7.0) + number(4, 1, 8.0)
    body = xls_book({"first": [[]] * 4 + [[7.0, 8.0]]})
    padded = several + struct.pack("<HH", 0x0201, len(single) - len(several) - 4)
    padded += bytes(len(single) - len(padded))  # a blank cell, of a record kind that is passed over
    document = Document("made.xls", body.replace(single, padded))
    assert cell_record(document, 0, 4, 0) == cell_record(document, 0, 4, 1) == several


@pytest.mark.parametrize(("sheet", "row"), [(0, 1), (0, 9), (1, 1), (2, 0)])
def test_an_empty_row_or_no_sheet_is_not_found(sheet: int, row: int) -> None:
    with pytest.raises(NotFound):
        cell_record(BOOK, sheet, row, 0)
