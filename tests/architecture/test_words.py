"""What a repository must not say: where it was written, from where it was installed, and by which tool.

The words are put together here, so that this file does not hold them.
"""

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

# Folders of the machines it was written on.
FOLDERS = [f"/{name}/" for name in ("work", "root", "home", "Users", "mnt")] + ["/tmp" + "/bash"]
# Where packages came from: the lock files name no place, and nothing else does.
INDEXES = ["py" + "pi.org", "python" + "hosted", "/sim" + "ple/", "arti" + "factory", "dev" + "pi"]
# Whoever helped to write it.
HELPERS = [
    "clau" + "de",
    "anth" + "ropic",
    "chat" + "gpt",
    "open" + "ai",
    "copi" + "lot",
    "gem" + "ini",
    "co-auth" + "ored",
]

# Where such a word means something else, and what.
MEANT: dict[tuple[str, str], str] = {}


def words() -> Iterator[str]:
    yield from (*FOLDERS, *INDEXES, *HELPERS)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        if host := urlsplit(os.environ.get(name, "")).hostname:
            yield host


def contents(path: Path, body: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them."""
    yield path.as_posix().encode()
    yield body
    if zipfile.is_zipfile(io.BytesIO(body)):
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            for name in packed.namelist():
                yield from contents(Path(name), packed.read(name))


def said(path: Path, body: bytes, wanted: re.Pattern[bytes]) -> set[str]:
    return {
        match.decode().lower() for part in contents(path, body) for match in wanted.findall(part)
    }


def pattern() -> re.Pattern[bytes]:
    # A folder is one at the start of a path: `https://host/home/` and `a/work/b` are none.
    starts = "|".join(re.escape(word) for word in FOLDERS)
    inside = "|".join(re.escape(word) for word in words() if word not in FOLDERS)
    return re.compile(rf"(?<![\w.>-])(?:{starts})|{inside}".encode(), re.IGNORECASE)


def test_no_file_says_where_or_with_what_it_was_written(
    files: tuple[Path, ...], root: Path
) -> None:
    wanted = pattern()
    found = {
        (path.as_posix(), word)
        for path in files
        for word in said(path, (root / path).read_bytes(), wanted)
    }
    assert found - set(MEANT) == set()
    assert set(MEANT) - found == set(), "not said any more"


@pytest.mark.parametrize("word", [*FOLDERS, *INDEXES, *HELPERS])
def test_each_word_is_seen(word: str) -> None:
    body = f"see {word.upper()}x".encode()
    assert said(Path("a.md"), body, pattern()) == {word.lower()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b.txt", body)
    assert said(Path("a.zip"), packed.getvalue(), pattern()) == {word.lower()}


@pytest.mark.parametrize("text", ["https://host/home/page", "a/work/b", "<x>/work/<y>", "rootless"])
def test_other_uses_are_left_alone(text: str) -> None:
    assert said(Path("a.md"), text.encode(), pattern()) == set()
