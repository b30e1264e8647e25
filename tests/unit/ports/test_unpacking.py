"""What a zip holds, as markets see it."""

import io
import zipfile

from carbon254.core.domain.documents import Document
from carbon254.ports.unpacking import Unpacked


def test_folders_and_what_a_mac_adds_are_no_members() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in (
            "day/",
            "day/.DS_Store",
            "day/b.csv",
            "a.csv",
            "__MACOSX/day/._b.csv",
            ".DS_Store",
        ):
            archive.writestr(name, b"1" if name[-1] != "/" else b"")
    assert Unpacked(Document("day.zip", out.getvalue()), 10).members == ["day/b.csv", "a.csv"]
