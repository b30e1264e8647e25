"""Tables into bytes. JSON and NDJSON by msgspec, the others by Arrow; an absent value is null or empty."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from carbon254.adapters.http.tables import Cells, Table

_JSON: Final = msgspec.json.Encoder()


@lru_cache(maxsize=256)
def _row(names: tuple[str, ...]) -> Any:
    """A class of rows with these fields, which msgspec writes faster than dicts."""
    fields = [(f"f{n}", Any) for n in range(len(names))]
    renamed = {f"f{n}": name for n, name in enumerate(names)}
    return msgspec.defstruct("Row", fields, rename=renamed, gc=False)


def rows_of(table: Table) -> list[Any]:
    """The table's rows, ready for msgspec."""
    made = _row(tuple(table))
    columns = [cells.plain(flags_apart=True) for cells in table.values()]
    return [made(*row) for row in zip(*columns, strict=True)]


def json_of(head: Mapping[str, Any], table: Table) -> bytes:
    """An object: the head's facts, then ``rows``."""
    return _JSON.encode({**head, "rows": rows_of(table)})


def plain_json(body: Any) -> bytes:
    """Any plain value."""
    return _JSON.encode(body)


def _ndjson(table: Table, facts: Mapping[str, str]) -> bytes:
    return _JSON.encode_lines(rows_of(table))


def _arrow_table(table: Table, facts: Mapping[str, str]) -> Any:
    import pyarrow as pa

    kinds = {"text": pa.string(), "count": pa.int64(), "truth": pa.bool_(), "flags": pa.string()}

    def column(cells: Cells) -> Any:
        if cells.kind == "instant":
            return pa.array(cells.values, pa.timestamp("us", "UTC"))
        if cells.kind == "number":
            return pa.array(cells.values, pa.float64(), from_pandas=True)
        return pa.array(cells.plain(flags_apart=False), kinds[cells.kind])

    made = pa.table({name: column(cells) for name, cells in table.items()})
    return made.replace_schema_metadata(dict(facts))


def _csv(table: Table, facts: Mapping[str, str]) -> bytes:
    import pyarrow as pa

    texts: Table = {
        name: Cells("text", cells.plain(flags_apart=False)) if cells.kind == "instant" else cells
        for name, cells in table.items()
    }
    made = _arrow_table(texts, facts)
    try:
        return _csv_text(made, "none")
    except pa.ArrowInvalid:  # some text holds a comma, a quote or a line break
        return _csv_text(made, "needed")


def _csv_text(made: Any, quoting: str) -> bytes:
    import pyarrow.csv as pc

    out = io.BytesIO()
    options = pc.WriteOptions(quoting_style=quoting, include_header=False)
    out.write(
        (
            ",".join(f'"{one}"' if set(one) & set(',"\n') else one for one in made.column_names)
            + "\n"
        ).encode()
    )
    pc.write_csv(made, out, options)
    return out.getvalue()


def _arrow(table: Table, facts: Mapping[str, str]) -> bytes:
    import pyarrow as pa

    made, out = _arrow_table(table, facts), io.BytesIO()
    with pa.ipc.new_stream(out, made.schema) as writer:
        writer.write_table(made)
    return out.getvalue()


def _parquet(table: Table, facts: Mapping[str, str]) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(_arrow_table(table, facts), out, compression="zstd")
    return out.getvalue()


_WRITERS: Final[Mapping[str, Callable[[Table, Mapping[str, str]], bytes]]] = {
    "csv": _csv,
    "ndjson": _ndjson,
    "arrow": _arrow,
    "parquet": _parquet,
}


def encoded(form: str, head: Mapping[str, Any], table: Table, facts: Mapping[str, str]) -> bytes:
    """The table in a format; ``head`` stands before the rows of JSON, ``facts`` in Arrow's and Parquet's metadata."""
    if form == "json":
        return json_of(head, table)
    return _WRITERS[form](table, facts)
