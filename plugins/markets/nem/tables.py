"""Which tables of AEMO's reports are read, and what each of their columns is in our words."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from attrs import frozen

DISPATCH = ("real_time-dispatch", "real_time-intervention")  # by INTERVENTION, 0 and 1
TRADING = ("settlement-trading",)
SCADA = ("actual-scada",)


@frozen
class Field:
    """A column that becomes a series.

    A ``headline`` column that is empty in a row is a missing number; any other column that is empty in every row of
    a run is not published there and makes no rows. ``sign`` -1 turns the operator's direction into ours: the number in
    the document is the negative of ours, which is therefore flagged `derived`.
    ``priced`` fields carry the flags of the price. A ``measured`` field is a telemetered instant of the run
    `actual-scada`, not a result of the table's own run.
    """

    column: str
    measure: str
    headline: bool = False
    sign: int = 1
    priced: bool = False
    measured: bool = False


@frozen
class Table:
    """A table of the reports: whose rows it holds and what is read from them.

    ``archive`` is its name in the monthly archive; ``status`` says that PRICE_STATUS is expected, ``flags`` that
    APCFLAG and MARKETSUSPENDEDFLAG are, ``invalid`` the same of INVALIDFLAG.
    """

    report: str
    name: str
    dataset: str
    kind: str
    place: str
    runs: tuple[str, ...]
    fields: tuple[Field, ...]
    archive: str = ""
    status: bool = False
    flags: bool = False
    invalid: bool = False
    stamped: bool = True  # LASTCHANGED must be there

    @property
    def title(self) -> str:
        """The name as people say it: ``DISPATCH.PRICE``, ``DREGION``."""
        return ".".join(filter(None, (self.report, self.name)))

    @property
    def priced(self) -> bool:
        """Whether the table holds a price."""
        return any(field.priced for field in self.fields)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns without which the table cannot be read."""
        marks = {
            "INTERVENTION": self.runs == DISPATCH,
            "PERIODID": self.runs == TRADING,
            "APCFLAG": self.flags,
            "MARKETSUSPENDEDFLAG": self.flags,
            "INVALIDFLAG": self.invalid,
            "LASTCHANGED": self.stamped,
        }
        own = (field.column for field in self.fields)
        return (
            "SETTLEMENTDATE",
            self.place,
            *(name for name, is_in in marks.items() if is_in),
            *own,
        )


_PRICE = (
    Field("RRP", "price", headline=True, priced=True),
    Field("ROP", "price-original", priced=True),
)
_REGION = (
    Field("TOTALDEMAND", "load", headline=True),
    Field("AVAILABLEGENERATION", "capacity_available"),
    Field("DISPATCHABLEGENERATION", "generation"),
    # The operator's number is generation less demand: positive out of the region (5331 - 6258 = -926 in NSW1).
    Field("NETINTERCHANGE", "net_import", sign=-1),
)
_FLOW = Field("MWFLOW", "flow", headline=True)
_LINE = (
    _FLOW,
    # Both limits lie on the axis of the flow, as on the wire: reverse <= flow <= forward.
    Field("EXPORTLIMIT", "flow-limit_forward"),
    Field("IMPORTLIMIT", "flow-limit_reverse"),
    Field("METEREDMWFLOW", "flow", measured=True),
)

TABLES: tuple[Table, ...] = (
    Table(
        "DISPATCH", "PRICE", "dispatch", "zone", "REGIONID", DISPATCH, _PRICE,
        archive="DISPATCHPRICE", status=True, flags=True,
    ),
    Table("DISPATCH", "REGIONSUM", "dispatch", "zone", "REGIONID", DISPATCH, _REGION, archive="DISPATCHREGIONSUM"),
    Table(
        "DISPATCH", "INTERCONNECTORRES", "dispatch", "border", "INTERCONNECTORID", DISPATCH, _LINE,
        archive="DISPATCHINTERCONNECTORRES",
    ),
    Table("DREGION", "", "dispatch", "zone", "REGIONID", DISPATCH, _PRICE + _REGION, flags=True, stamped=False),
    Table("DINT", "", "dispatch", "border", "INTERCONNECTORID", DISPATCH, _LINE, stamped=False),
    Table(
        "TRADING", "INTERCONNECTORRES", "trading", "border", "INTERCONNECTORID", TRADING, (_FLOW,),
        archive="TRADINGINTERCONNECT",
    ),
    Table(
        "TRADING", "PRICE", "trading", "zone", "REGIONID", TRADING, _PRICE,
        archive="TRADINGPRICE", status=True, invalid=True,
    ),
    Table("TRADING", "REGIONSUM", "trading", "zone", "REGIONID", TRADING, _REGION, archive="TRADINGREGIONSUM"),
    Table(
        "DISPATCH", "UNIT_SCADA", "unit_output", "unit", "DUID", SCADA,
        (Field("SCADAVALUE", "generation", headline=True),),
        archive="DISPATCH_UNIT_SCADA", stamped=False,
    ),
)  # fmt: skip
BY_NAME = {(table.report, table.name): table for table in TABLES}

# Tables that stand beside ours and are not read: the reason under which their rows are counted.
NOT_READ = {
    ("DISPATCH", "CASE_SOLUTION"): "case_solution",
    ("DISPATCH", "CASESOLUTION"): "case_solution",
    ("DISPATCH", "LOCAL_PRICE"): "local_price",
    ("DISPATCH", "CONSTRAINT"): "constraint",
    ("DCONS", ""): "constraint",
    ("DISPATCH", "INTERCONNECTION"): "interconnection",
    ("DISPATCH", "OFFERTRK"): "bid_tracking",
    ("DISPATCH", "MNSPBIDTRK"): "bid_tracking",
    ("TINT", ""): "trading_flow_legacy",
}
OTHER_DATASET = "other_dataset"
UNKNOWN_TABLE = "unknown_table"


@frozen
class Layout:
    """All columns of a table in the order of its newest layout."""

    version: int
    columns: tuple[str, ...]


@cache
def layouts() -> dict[str, Layout]:
    """The layouts by the table's title, from ``layouts.toml``."""
    with Path(__file__).with_name("layouts.toml").open("rb") as file:
        facts = tomllib.load(file)
    return {
        title: Layout(one["version"], tuple(one["columns"].split())) for title, one in facts.items()
    }


def ignored_because(report: str, name: str) -> str:
    """The reason under which rows of a table that a dataset does not read are counted."""
    if (report, name) in BY_NAME:
        return OTHER_DATASET
    return NOT_READ.get((report, name), UNKNOWN_TABLE)
