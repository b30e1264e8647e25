"""The facts a market declares about itself, read from ``market.toml`` without importing its code (VOCABULARY §13).

Dates in a card are delivery days in the dataset's day zone; ``from`` is included, ``to`` is not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from attrs import field, fields, frozen
from attrs.validators import in_, optional

from carbon254.core.domain import vocabulary
from carbon254.core.domain._building import Builder
from carbon254.core.domain.errors import Carbon254Error, InvalidRequest, PluginBroken
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import MIDNIGHT, parse_duration, zone

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Redistribution = Literal["open", "attribution", "internal", "forbidden"]


@frozen(kw_only=True)
class Dated:
    """A fact that holds for delivery days in ``[from, to)``; open where no date is given."""

    from_: date | None = None
    to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the fact holds for the delivery day."""
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day < self.to)


@frozen(kw_only=True)
class Nature(Dated):
    """What a run's number does: settles, binding, advisory, index, measured or estimated."""

    word: str = field(validator=in_(vocabulary.natures()))


@frozen(kw_only=True)
class Limit(Dated):
    """Lowest and highest possible price, in the series' unit."""

    floor: float | None = None
    cap: float | None = None


@frozen(kw_only=True)
class RunCard:
    """A run of the market: what its numbers do, until when bids count, and the limits of its price."""

    title: str
    nature: tuple[Nature, ...]
    expected: bool = (
        True  # whether its absence is a gap; an intervention run is there only sometimes
    )
    gate_closure: Rule | None = None
    limits: tuple[Limit, ...] = ()

    def nature_on(self, day: date) -> str:
        """The nature on a delivery day. Raises `InvalidRequest` when the card does not say."""
        for nature in self.nature:
            if nature.holds_on(day):
                return nature.word
        raise InvalidRequest(f"the card does not say the nature of '{self.title}' on {day}.")


@frozen(kw_only=True)
class Resolution(Dated):
    """Length of an interval, for all places and measures or for those named."""

    length: timedelta
    locations: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    def fits(self, series: SeriesId, day: date) -> bool:
        """Whether this entry speaks of the series on the delivery day."""
        return (
            self.holds_on(day)
            and (not self.locations or series.location in self.locations)
            and (not self.measures or series.measure in self.measures)
            and (not self.runs or series.run in self.runs)
        )


@frozen(kw_only=True)
class WireUnit(Dated):
    """The unit on the wire while it differs from the series': multiply by ``factor`` exactly (a ratio as text)."""

    unit: str
    factor: str


@frozen(kw_only=True)
class AddsUp:
    """Series of one location whose sum is the total, within ``tolerance`` in the series' unit."""

    total: str
    parts: tuple[str, ...]
    tolerance: float
    optional: tuple[str, ...] = ()


@frozen(kw_only=True)
class Sample:
    """What the demo makes with the market's ``write``: which series (``run/measure/kind/location``) over which span."""

    span: Literal["month", "two_days", "year"]
    series: tuple[str, ...]
    decimals: int = 2
    revises: str | None = (
        field(  # the finality of an earlier statement, which the sample then revises
            default=None, validator=optional(in_([f.word for f in vocabulary.Finality]))
        )
    )


@frozen(kw_only=True)
class DatasetCard:
    """One family of documents and its parser."""

    title: str
    runs: tuple[str, ...]
    measures: tuple[str, ...]
    kinds: tuple[str, ...]
    class_: str = field(validator=in_(("grid", "irregular", "events", "vintages")))
    label_zone: str
    label_marks: str = field(validator=in_(("start", "end")))
    day_zone: str
    day_start: Any = MIDNIGHT
    resolution: tuple[Resolution, ...] = ()
    max_gap: timedelta | None = None
    due: Rule
    due_of: Mapping[str, Rule] = field(factory=dict)  # runs whose numbers are due at another time
    final_due: Rule | None = (
        None  # when final numbers come, where documents say that others are not
    )
    hours_of: Mapping[str, str] = field(
        factory=dict
    )  # runs of a part of the day only, by local clock: "12:00-24:00"
    final_after: timedelta | None = None
    published_claim: str = field(validator=in_(("publication", "reply", "republication", "none")))
    finality: str = field(default="final", validator=in_([f.word for f in vocabulary.Finality]))
    unit: str | None = None
    unit_wire: tuple[WireUnit, ...] = ()
    adds_up: tuple[AddsUp, ...] = ()
    rows_ignored: Mapping[str, str] = field(factory=dict)
    enums: Mapping[str, Mapping[str, str]] = field(factory=dict)
    verified: str = field(validator=in_(("recorded", "dossier")))
    writes: bool = True
    poll: timedelta | None = None
    window: timedelta = timedelta(days=1)  # the longest window of one request
    max_bytes: int = 64 * 2**20
    max_unpacked_bytes: int = 512 * 2**20
    sample: Sample | None = None
    columns: tuple[str, ...] = ()  # what the parser reads by name; others are findings when added

    def resolution_of(self, series: SeriesId, day: date) -> timedelta | None:
        """Length of the series' intervals on a delivery day; the first entry that fits, None where none does."""
        return next((r.length for r in self.resolution if r.fits(series, day)), None)

    def due_for(self, run: str) -> Rule:
        """When numbers of a run are due."""
        return self.due_of.get(run, self.due)

    def feeds(self, series: SeriesId) -> bool:
        """Whether documents of this dataset may hold the series."""
        return (
            series.run in self.runs
            and series.measure in self.measures
            and series.kind in self.kinds
        )


@frozen(kw_only=True)
class HostCard:
    """A host that may be asked, and how often: ``requests`` per ``per``."""

    requests: int = 1
    per: timedelta = timedelta(seconds=1)
    redirects_to: tuple[str, ...] = ()


@frozen(kw_only=True)
class Place(Dated):
    """A row of the location registry that the market's list declares."""

    kind: str = field(validator=in_(vocabulary.kinds()))
    code: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    parent: str | None = None
    area: str | None = None  # common key across publishers: ISO 3166 or EIC
    zone: str | None = None
    day_zone: str | None = None
    fuel: str | None = field(default=None, validator=optional(in_(vocabulary.fuels())))
    capacity_mw: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    currency: str | None = None
    replaces: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    expected: bool = True


@frozen(kw_only=True)
class Compare:
    """Runs that the board sets beside the price of a place: the first of each that has numbers is taken."""

    real_time: tuple[str, ...] = ()
    second: tuple[str, ...] = ()  # another auction for the same hours
    imbalance: tuple[str, ...] = ()


@frozen(kw_only=True)
class MarketCard:
    """Everything that is true of a market without asking its code."""

    id: str
    name: str
    operator: str
    region: str
    kind: str = field(validator=in_(("power", "carbon")))
    currency: str = field(validator=in_(vocabulary.currencies()))
    zone: str
    hosts: Mapping[str, HostCard]
    licence: str
    redistribution: str = field(validator=in_(("open", "attribution", "internal", "forbidden")))
    owners: tuple[str, ...]
    credentials: tuple[str, ...] = ()
    board: tuple[str, ...] = ()  # series the morning board shows, run/measure/kind/location
    blocks: tuple[str, ...] = ("base",)  # blocks of hours the board averages over
    compare: Compare = Compare()
    runs: Mapping[str, RunCard]
    datasets: Mapping[str, DatasetCard]
    path: Path = field(default=Path(), eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        _check(self)

    @property
    def places(self) -> tuple[Place, ...]:
        """The market's declared locations, from ``locations.toml`` beside the card; empty where there is none."""
        return _places(self.path.with_name("locations.toml"))

    def dataset(self, name: str) -> DatasetCard:
        """One dataset's card. Raises `InvalidRequest` that lists what there is."""
        if name not in self.datasets:
            raise InvalidRequest(
                f"'{self.id}' has no dataset '{name}': use one of {', '.join(self.datasets)}."
            )
        return self.datasets[name]

    def feeding(self, series: SeriesId) -> DatasetCard | None:
        """The first dataset of the card that feeds the series; its expectations are the series'."""
        return next((d for d in self.datasets.values() if d.feeds(series)), None)

    def place(self, kind: str, code: str) -> Place | None:
        """The declared place of this kind and code, if the market's list has it."""
        return _place_index(self.path.with_name("locations.toml")).get((kind, code))


def _check(card: MarketCard) -> None:
    where = f"card of '{card.id}'"
    if card.id in vocabulary.reserved_markets():
        raise PluginBroken(f"{where}: this id is reserved.")
    known = vocabulary.runs_of(card.id)
    if known and not set(card.runs) <= known:
        raise PluginBroken(
            f"{where}: runs {sorted(set(card.runs) - known)} are not in the vocabulary."
        )
    zone(card.zone)
    for name, dataset in card.datasets.items():
        zone(dataset.label_zone)
        zone(dataset.day_zone)
        for run in dataset.runs:
            if run not in card.runs:
                raise PluginBroken(
                    f"{where}: dataset '{name}' feeds run '{run}', which the card does not describe."
                )
        for measure in dataset.measures:
            vocabulary.check_measure(measure)
        if unknown := set(dataset.kinds) - vocabulary.kinds():
            raise PluginBroken(f"{where}: dataset '{name}' names unknown kinds {sorted(unknown)}.")


def _structure_date(value: Any, _: Any) -> date:
    if type(value) is not date:
        raise ValueError(f"{value!r} is no day: write it without quotes, as in 2025-03-30")
    return value


_RENAMED: Final = {"from_": "from", "class_": "class"}


def _structure_rule(text: Any, _: Any) -> Rule:
    return Rule.parse(text)


@cache
def converter() -> Converter:
    """The converter of cards: unknown keys are refused, ``from``, ``class`` and ISO durations are understood."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, override

    made = Converter(forbid_extra_keys=True)
    made.register_structure_hook(Rule, _structure_rule)
    made.register_structure_hook(timedelta, lambda text, _: parse_duration(text))
    made.register_structure_hook(date, _structure_date)
    made.register_structure_hook(Path, lambda value, _: Path(value))
    for cls in (Nature, Limit, Resolution, WireUnit, DatasetCard, Place):
        names = {
            a.name: override(rename=_RENAMED[a.name]) for a in fields(cls) if a.name in _RENAMED
        }
        hook = make_dict_structure_fn(cls, made, _cattrs_forbid_extra_keys=True, **names)  # type: ignore[arg-type]
        made.register_structure_hook(cls, hook)
    return made


@cache
def _builder() -> Builder:
    makers = {
        Rule: Rule.parse,
        timedelta: parse_duration,
        date: lambda value: _structure_date(value, None),
        Path: Path,
    }
    return Builder(makers, _RENAMED)


def _structure(facts: Any, wanted: type[T]) -> T:
    """What `converter` makes of facts; what is simple and right does without it, since it takes long to start."""
    try:
        made: T = _builder().build(wanted, facts)
    except Exception:  # the converter says what is wrong, or converts  # noqa: BLE001
        return converter().structure(facts, wanted)
    return made


def explain(error: BaseException, path: str = "") -> str:
    """Say which keys of a structured value are wrong, in one line."""
    from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError

    if isinstance(error, ForbiddenExtraKeysError):
        known = [_RENAMED.get(a.alias, a.alias) for a in fields(error.cl) if a.init]
        where = f" in {path}" if path else ""
        found = ", ".join(sorted(error.extra_fields))
        return f"unknown key {found}{where}; there are {', '.join(known)}"
    if isinstance(error, BaseValidationError):
        return "; ".join(explain(part, _key(part, path)) for part in error.exceptions)
    if path and isinstance(error, KeyError):  # what cattrs meets where a key is not there
        return f"'{path}' is missing"
    if path and isinstance(error, AttributeError):  # and where a table is not
        return f"'{path}' is no table of keys"
    told = str(error).removesuffix(".")
    return f"{path}: {told}" if path else told


def _key(error: BaseException, path: str) -> str:
    """Where cattrs says that it was, as in ``models.0.label``."""
    notes = getattr(error, "__notes__", ())
    steps = [str(getattr(one, "name", getattr(one, "index", ""))) for one in notes]
    return ".".join(step for step in (path, *steps) if step)


def read_card(path: Path) -> MarketCard:
    """Read a ``market.toml``. Raises `PluginBroken` that names the key that is wrong."""
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        return _structure({**facts, "path": str(path)}, MarketCard)
    except Carbon254Error as error:
        raise PluginBroken(f"{path.parent.name}/{path.name}: {error}") from None
    except (OSError, tomllib.TOMLDecodeError, ExceptionGroup, ValueError, TypeError) as error:
        raise PluginBroken(f"{path.parent.name}/{path.name}: {explain(error)}") from None


@cache
def _places(path: Path) -> tuple[Place, ...]:
    if not path.exists():
        return ()
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("location", [])
        return _structure(rows, tuple[Place, ...])
    except (tomllib.TOMLDecodeError, ExceptionGroup, ValueError, TypeError) as error:
        raise PluginBroken(f"{path.parent.name}/{path.name}: {explain(error)}") from None


@cache
def _place_index(path: Path) -> dict[tuple[str, str], Place]:
    return {(place.kind, place.code): place for place in _places(path)}
