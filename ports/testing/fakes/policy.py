"""A policy of lines in memory, decided by looking at every line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from carbon254.core.domain.decisions import Ruling
from carbon254.core.domain.entitlements import OF_SERIES, Principal, Scope
from carbon254.core.domain.policies import Grant, Inclusion, read_lines, scope_of, whole
from carbon254.core.domain.series import SeriesId, escape


class LinesPolicy:
    """Lines as they stand in a policy file; ``text`` may be changed at any time."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _lines(self) -> list[Grant | Inclusion]:
        return list(read_lines(self.text, "lines"))

    def _held(self, principal: Principal) -> set[str]:
        held, found = set[str](), set(principal.roles)
        while found - held:
            held |= found
            found = {
                line.included
                for line in self._lines()
                if isinstance(line, Inclusion)
                and line.role in held
                and whole(principal.tenant, line.tenant)
            }
        return held

    def _holding(self, principal: Principal, action: str) -> list[Grant]:
        held = self._held(principal)
        return [
            line
            for line in self._lines()
            if isinstance(line, Grant)
            and line.role in held
            and whole(principal.tenant, line.tenant)
            and whole(action, line.action)
        ]

    def scope(self, principal: Principal, action: str) -> Scope:
        return scope_of(self._holding(principal, action)) if action in OF_SERIES else Scope()

    def may(self, principal: Principal, action: str) -> bool:
        if action in OF_SERIES:
            return any(line.effect == "allow" for line in self._holding(principal, action))
        return self._ruling(self._holding(principal, action), ("-",) * 5).allowed

    def explain(self, principal: Principal, action: str, series: SeriesId | None) -> Ruling:
        if series is None and action in OF_SERIES:
            return Ruling(self.may(principal, action))
        parts = ("-",) * 5
        if series is not None:
            location = escape(series.location)
            parts = (series.market, series.run, series.measure, series.kind, location)
        return self._ruling(self._holding(principal, action), parts)

    def _ruling(self, lines: Iterable[Grant], parts: tuple[str, ...]) -> Ruling:
        about = [line for line in lines if all(map(whole, parts, line.fields[3:8]))]
        denies = [line for line in about if line.effect == "deny"]
        return Ruling(bool(about) and not denies, [line.rule for line in (denies or about)[:1]])

    def roles(self) -> Sequence[str]:
        return sorted({line.role for line in self._lines()})
