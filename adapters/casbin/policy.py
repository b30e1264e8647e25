"""`Policy` on Casbin: one enforcer decides, and scopes are compiled from the lines that hold for a caller."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import casbin
from attrs import frozen

from carbon254.adapters.casbin.files import PolicyFiles, Stamp
from carbon254.core.domain.decisions import Ruling
from carbon254.core.domain.entitlements import ACTIONS, OF_SERIES, Principal, Scope
from carbon254.core.domain.policies import Grant, Inclusion, scope_of, whole
from carbon254.core.domain.series import SeriesId, escape

SHIPPED: Final = Path(str(resources.files("carbon254") / "policies"))
_NO_SERIES: Final = ("-",) * 5  # matched by * alone
_TYPICAL: Final = 4096  # compiled scopes that are kept


class CasbinPolicy:
    """The lines of a folder's ``*.csv``, by the model that is shipped. Read again when a file has changed.

    A change to something wrong raises `SettingsInvalid` at every call until it is put right: nobody is let in by what
    an edit meant to take away.
    """

    def __init__(self, folder: Path = SHIPPED) -> None:
        self._files = PolicyFiles(folder)
        self._lock = threading.Lock()
        self._loaded = self._load()

    def scope(self, principal: Principal, action: str) -> Scope:
        loaded = self._current()
        key = (principal.roles, principal.tenant, action)
        found = loaded.scopes.get(key)
        if found is None:
            found = scope_of(loaded.holding(*key)) if action in OF_SERIES else Scope()
            if len(loaded.scopes) >= _TYPICAL:
                loaded.scopes.clear()
            loaded.scopes[key] = found
        return found

    def may(self, principal: Principal, action: str) -> bool:
        if action in OF_SERIES:
            return bool(self.scope(principal, action).allow)
        return self._current().ruling(principal, action, _NO_SERIES).allowed

    def explain(self, principal: Principal, action: str, series: SeriesId | None) -> Ruling:
        if series is None and action in OF_SERIES:
            return Ruling(self.may(principal, action))
        return self._current().ruling(principal, action, _parts(series) if series else _NO_SERIES)

    def roles(self) -> Sequence[str]:
        return sorted({line.role for line in self._current().lines})

    def _current(self) -> Loaded:
        loaded = self._loaded
        if self._files.stamp() == loaded.stamp:
            return loaded
        with self._lock:
            if self._files.stamp() != self._loaded.stamp:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Loaded:
        stamp, lines = self._files.read()
        return Loaded(stamp, tuple(lines), _enforcer(lines), threading.Lock(), {})


def _parts(series: SeriesId) -> tuple[str, ...]:
    return (series.market, series.run, series.measure, series.kind, escape(series.location))


def _enforcer(lines: Sequence[Grant | Inclusion]) -> casbin.Enforcer:
    model = casbin.Model()
    model.load_model(str(SHIPPED / "model.conf"))
    made = casbin.Enforcer(model)
    made.add_function("whole", whole)
    made.add_named_domain_matching_func("g", whole)
    for line in lines:
        if isinstance(line, Grant):
            made.add_policy(*line.fields)
        else:
            made.add_grouping_policy(line.role, line.included, line.tenant)
    return made


@frozen(eq=False)
class Loaded:
    """One state of the policy. A caller's roles are one subject of Casbin, so that a deny of one beats all allows."""

    stamp: Stamp
    lines: tuple[Grant | Inclusion, ...]
    enforcer: casbin.Enforcer
    lock: threading.Lock
    scopes: dict[tuple[tuple[str, ...], str, str], Scope]

    def subject(self, roles: Sequence[str], tenant: str) -> str:
        """The subject that has these roles in the tenant; called with the lock held."""
        name = "+".join(("", *sorted(roles)))
        for role in roles:
            self.enforcer.add_grouping_policy(name, role, tenant)
        return name

    def holding(self, roles: Sequence[str], tenant: str, action: str) -> list[Grant]:
        """The lines that hold for callers with these roles in doing this."""
        with self.lock:
            subject = self.subject(roles, tenant)
            held = set(self.enforcer.get_implicit_roles_for_user(subject, tenant))
        return [
            line
            for line in self.lines
            if isinstance(line, Grant)
            and line.role in held
            and whole(tenant, line.tenant)
            and whole(action, line.action)
        ]

    def ruling(self, principal: Principal, action: str, parts: Sequence[str]) -> Ruling:
        """What Casbin decides, and the line by which it does."""
        if action not in ACTIONS:
            return Ruling(False)
        with self.lock:
            subject = self.subject(principal.roles, principal.tenant)
            allowed, fields = self.enforcer.enforce_ex(subject, principal.tenant, action, *parts)
        rules = [
            line.rule
            for line in self.lines
            if isinstance(line, Grant) and line.fields == tuple(fields)
        ]
        return Ruling(allowed, rules)
