"""Lines of a policy: whole words or ``*``, checked when they are read, and the scope that they make together.

A line is ``p, role, tenant, action, market, run, measure, kind, location, allow|deny``, or
``g, role, role that it includes, tenant``. What is not named is denied, and a deny wins over every allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.decisions import Rule
from carbon254.core.domain.entitlements import ACTIONS, OF_SERIES, OWNER, Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, SettingsInvalid
from carbon254.core.domain.series import SeriesId, escape, unescape

ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_MARKET: Final = re.compile(r"[a-z0-9_]+")
_GRANT: Final = (
    "role",
    "tenant",
    "action",
    "market",
    "run",
    "measure",
    "kind",
    "location",
    "effect",
)


def whole(word: str, pattern: str) -> bool:
    """Whether a line's part stands for a word: it is the word, or ``*``."""
    return pattern in ("*", word)


@frozen
class Grant:
    """A line that allows or denies; parts as written, the location in the codec of series ids."""

    role: str
    tenant: str
    action: str
    market: str
    run: str
    measure: str
    kind: str
    location: str
    effect: str
    where: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The parts in the order of the file."""
        return tuple(getattr(self, name) for name in _GRANT)

    @property
    def rule(self) -> Rule:
        """The line as a reason."""
        return Rule(self.where, ", ".join(("p", *self.fields)), self.effect == "allow")

    @property
    def pattern(self) -> SeriesPattern:
        """Which series it is about."""
        location = self.location if self.location == "*" else unescape(self.location)
        return SeriesPattern.literal(self.market, self.run, self.measure, self.kind, location)


@frozen
class Inclusion:
    """A line that lets a role do what another does, within a tenant."""

    role: str
    included: str
    tenant: str
    where: str


def read_lines(text: str, name: str) -> Iterator[Grant | Inclusion]:
    """The lines of a policy file. Raises `SettingsInvalid` that names the first line that is wrong."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{name}, line {number}"
        try:
            yield _line([part.strip() for part in line.split(",")], where)
        except InvalidRequest as error:
            raise SettingsInvalid(f"policy {where}: {error}") from None


def _line(parts: list[str], where: str) -> Grant | Inclusion:
    if parts[0] == "p" and len(parts) == len(_GRANT) + 1:
        return _checked(Grant(where=where, **dict(zip(_GRANT, parts[1:], strict=True))))
    if parts[0] == "g" and len(parts) == 4:
        role, included, tenant = parts[1:]
        _check_role(role)
        _check_role(included)
        _check("tenant", tenant, TENANT.fullmatch(tenant) is not None)
        return Inclusion(role, included, tenant, where)
    raise InvalidRequest(
        f"expected 'p, {', '.join(_GRANT)}' or 'g, role, included role, tenant', not {', '.join(parts)!r}."
    )


def _check_role(role: str) -> None:
    known = ROLE.fullmatch(role) is not None and role not in OWNER.roles
    if not known:
        raise InvalidRequest(f"role '{role}': a name of a-z, 0-9 and '_' is needed, not '*'.")


def _check(what: str, word: str, right: bool, known: Iterable[str] = ()) -> None:
    if word != "*" and not right:
        among = f"; there are {', '.join(sorted(known))}" if known else ""
        raise InvalidRequest(f"{what} '{word}': one whole word, or '*' for any{among}.")


def _checked(line: Grant) -> Grant:
    _check_role(line.role)
    _check("tenant", line.tenant, TENANT.fullmatch(line.tenant) is not None)
    _check("action", line.action, line.action in ACTIONS, ACTIONS)
    if line.effect not in ("allow", "deny"):
        raise InvalidRequest(f"effect '{line.effect}': allow or deny.")
    _check("market", line.market, _MARKET.fullmatch(line.market) is not None)
    _check("kind", line.kind, line.kind in vocabulary.kinds(), vocabulary.kinds())
    _check("location", line.location, _is_written(line.location))
    _check_words(line)
    if line.action not in (*OF_SERIES, "*") and {*line.fields[3:8]} != {"*"}:
        raise InvalidRequest(f"action '{line.action}' has no series: '*' in all five parts.")
    return line


def _check_words(line: Grant) -> None:
    """Run and measure, as any series of them would be checked."""
    words = {"*": None, line.run: "run", line.measure: "measure"}
    if any(set("?[]*") & set(word) for word in words if word != "*"):
        raise InvalidRequest("a run or a measure is one whole word, or '*' for any.")
    stage = "actual" if line.run == "*" else line.run
    measure = "load" if line.measure == "*" else line.measure
    SeriesId("any", stage, measure, "system", "any")


def _is_written(location: str) -> bool:
    return bool(location) and escape(unescape(location)) == location


def scope_of(lines: Iterable[Grant]) -> Scope:
    """The scope of lines that all hold for one caller and action."""
    allow, deny = list[SeriesPattern](), list[SeriesPattern]()
    for line in lines:
        (allow if line.effect == "allow" else deny).append(line.pattern)
    return Scope(dict.fromkeys(allow), dict.fromkeys(deny))
