"""The registry of places."""

from __future__ import annotations

import falcon

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door, Made
from carbon254.adapters.http.parameters import LocationsAsked
from carbon254.adapters.http.tables import figures, moments, texts
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.time import format_instant
from carbon254.core.usecases.find_locations import FindLocations

_TEXTS = ("kind", "code", "name", "parent", "area", "zone", "fuel")


class Locations:
    """Hubs, zones, nodes and the rest, of those at which the caller sees any series."""

    def __init__(self, door: Door, find: FindLocations) -> None:
        self._door, self._find = door, find

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Places by market, kind and code."""
        call, form = self._door.call(request, response, table=True)
        with call:
            self._door.give(request, response, call, form, LocationsAsked, self._found)

    def _found(self, asked: LocationsAsked, pinned: Pinned, scope: Scope) -> Made:
        found = self._find.run(scope, market=asked.market, kind=asked.kind, as_of=asked.as_of)
        keys = [(one.market, one.place.kind, one.place.code) for one in found]
        first = sum(1 for key in keys if key <= pinned.after) if pinned.after else 0
        last = first + asked.limit
        places = [one.place for one in found[first:last]]
        columns = {name: texts([getattr(one, name) for one in places]) for name in _TEXTS}
        table = {
            "market": texts([one.market for one in found[first:last]]),
            **columns,
            "aliases": texts(["|".join(one.aliases) for one in places]),
            "valid_from": texts([one.from_ and one.from_.isoformat() for one in places]),
            "valid_to": texts([one.to and one.to.isoformat() for one in places]),
            "replaces": texts(["|".join(one.replaces) for one in places]),
            "replaced_by": texts(["|".join(one.replaced_by) for one in places]),
            "latitude": figures([one.latitude for one in places]),
            "longitude": figures([one.longitude for one in places]),
            "capacity_mw": figures([one.capacity_mw for one in places]),
            "recorded_at": moments([one.recorded_at for one in found[first:last]]),
        }
        head = {"as_of": pinned.as_of and format_instant(pinned.as_of)}
        return Made(head, table, keys[last - 1] if last < len(found) else None, pinned.as_of)
