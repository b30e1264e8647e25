"""Samples and tests hold made-up values only: operators' documents are not ours to ship."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.recorded

SHORT = 40  # a shorter line may be equal by accident
_NUMBER = re.compile(rb'"?[-+]?\d*\.?\d+"?')
_POINT = re.compile(rb"<(?:\w+:)?Point>.*?</(?:\w+:)?Point>", re.DOTALL)
IN_A_ROW = 3  # one point of a curve may be equal by accident, three in a row are not


def parts(name: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """A document and what is packed in it."""
    yield name, body
    if zipfile.is_zipfile(io.BytesIO(body)) and not name.endswith(".xlsx"):
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            for member in packed.namelist():
                yield from parts(f"{name}/{member}", packed.read(member))


def documents(folder: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        if path.is_file() and "__pycache__" not in path.parts:
            yield from parts(path.relative_to(folder).as_posix(), path.read_bytes())


def data_rows(body: bytes) -> Iterator[bytes]:
    """Rows of numbers of a CSV, and short runs of points of an XML curve, without spaces between elements."""
    points = [re.sub(rb"\s+", b"", point) for point in _POINT.findall(body)]
    for n in range(len(points) - IN_A_ROW + 1):
        yield b"".join(points[n : n + IN_A_ROW])
    if body.lstrip()[:1] in (b"<", b"{", b"["):
        return
    for line in body.splitlines():
        if len(line := line.strip()) >= SHORT and is_data(line):
            yield line


def is_data(line: bytes) -> bool:
    """Whether a line of a CSV holds values: a number with decimals, or several numbers."""
    fields = [field.strip() for field in re.split(rb"[,;\t]", line)]
    numbers = [field for field in fields if _NUMBER.fullmatch(field)]
    return len(fields) > 2 and (len(numbers) > 2 or any(b"." in one for one in numbers))


@pytest.fixture(scope="module")
def operators(recorded: Path) -> list[tuple[str, bytes]]:
    """Every recorded document of an operator, and what is packed in it."""
    found = list(documents(recorded, ("[!d]*/**/*", "d[!o]*/**/*")))
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def ours(root: Path) -> list[tuple[str, bytes]]:
    """Every sample, and every file of the tests."""
    found = list(documents(root, ("plugins/**/samples/**/*", "tests/**/*", "features/**/*")))
    assert len(found) > 100
    return found


def test_no_sample_is_a_recorded_document(
    operators: list[tuple[str, bytes]], ours: list[tuple[str, bytes]]
) -> None:
    known = {hashlib.sha256(body).digest(): name for name, body in operators if body.strip()}
    same = {name: known.get(hashlib.sha256(body).digest()) for name, body in ours}
    assert {name: other for name, other in same.items() if other} == {}


def test_no_row_of_a_recorded_document_stands_in_a_sample(
    operators: list[tuple[str, bytes]], ours: list[tuple[str, bytes]]
) -> None:
    known: dict[bytes, str] = {}
    for name, body in operators:
        known.update(dict.fromkeys(data_rows(body), name))
    assert len(known) > 10_000
    copied = {
        f"{name} has a row of {known[row]}: {row[:100].decode(errors='replace')}"
        for name, body in ours
        for row in data_rows(body)
        if row in known
    }
    assert copied == set()


def test_rows_of_values_are_told_from_headers() -> None:
    row = b"D,DISPATCH,PRICE,4,2025/10/05 02:35:00,1,NSW1,0,88.41"
    points = b"<Point><position>1</position><p>5.1</p></Point>" * 3
    assert list(data_rows(row + b"\n")) == [row]
    assert list(data_rows(b"<x>" + points.replace(b"><", b">\n <") + b"</x>")) == [points]
    assert not list(
        data_rows(b"I,DISPATCH,PRICE,4,SETTLEMENTDATE,RUNNO,REGIONID,INTERVENTION,RRP\n")
    )
    assert not list(data_rows(b'{"headers": ["INTERVAL", "CPNODE", "LMP"], "data": [1.5, 2.5, 3]}'))
