"""Who may come in to a server of our own, by API key; its accounts are those of who holds one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from carbon254.adapters.nats.callout import Callout, Knock
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.nkeys import Issuer
from carbon254.adapters.nats.permissions import RELAY, Password, User, render, user_name
from carbon254.adapters.nats.server import NatsServer
from carbon254.core.domain.errors import Carbon254Error, NotEntitled
from carbon254.core.usecases.grant_streams import GrantStreams, Reader

_DOOR: Final = "nats"
_log = logging.getLogger(__name__)


def user_of(reader: Reader, password: Password = Password()) -> User:  # noqa: B008 - a frozen value
    """The server's user of a principal."""
    who = reader.principal
    return User(user_name(who.tenant, who.name), password, reader.grants)


class Doorkeeper:
    """A local server that lets nobody in but the relay, and after `open` whoever holds an API key.

    ``random`` makes secrets of a number of bytes. A key that is new, revoked or expired, or another policy, is known to
    the server ``every`` seconds later at the latest: it then cuts all connections off, clients connect again by
    themselves, and are asked again.
    """

    def __init__(
        self,
        server: NatsServer,
        random: Callable[[int], bytes],
        every: float = 2.0,
    ) -> None:
        self._server, self._every = server, every
        self._relay = Password(random(24).hex())
        self._issuer = Issuer(random(32))
        self._lock = threading.Lock()
        self._state: object = None  # what the server's accounts were made from
        self._grants: GrantStreams | None = None
        self._callout: Callout | None = None
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="nats-door", daemon=True)

    @property
    def address(self) -> Address:
        """Where the relay finds the server, and as whom."""
        return Address(url=self._server.url, user=RELAY, password=self._relay.text)

    @property
    def url(self) -> str:
        """The same as one text, with the relay's password in it."""
        return self._server.url.replace("://", f"://{RELAY}:{self._relay.text}@")

    def start(self) -> None:
        """Start the server. Raises `StreamUnavailable`."""
        self._server.start(render([], self._relay, self._issuer.name))

    def open(self, grants: GrantStreams, now: Callable[[], datetime]) -> None:
        """Let in whoever holds a valid key and may subscribe. Raises `StreamUnavailable`."""
        self._grants = grants
        self.refresh()
        self._callout = Callout(self.address, self._issuer, self._admit, now)
        self._callout.start()
        self._watcher.start()

    def refresh(self) -> None:
        """Tell the server of the accounts of all who hold a key, where keys or policy have changed."""
        assert self._grants is not None
        with self._lock:
            state = (self._grants.scopes(), [key.id for key in self._grants.valid_keys()])
            if state == self._state:
                return
            users = [user_of(reader) for reader in self._grants.plan()]
            self._server.reload(render(users, self._relay, self._issuer.name))
            self._state = state

    def _admit(self, knock: Knock) -> User:
        """The user of who knocks; the grant, or the refusal, is audited."""
        grants = self._grants
        assert grants is not None
        principal = grants.admit.authenticate(
            knock.key, door=_DOOR, target="connect", request_id=knock.client
        )
        user = user_of(grants.one(principal, "connect", request_id=knock.client))
        if not user.grants:
            raise NotEntitled(f"{principal.name} sees no stream.")
        self.refresh()
        return user

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self.refresh()
            except Carbon254Error as error:
                _log.error("stream users: %s: %s", error.code, error)

    def close(self) -> None:
        """Let nobody in any more, and stop the server."""
        self._ended.set()
        if self._callout is not None:
            self._watcher.join()
            self._callout.close()
        self._server.stop()
