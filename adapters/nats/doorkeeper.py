"""Who may come in to a server of our own, by API key; its accounts are those of who came in since it started."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from carbon254.adapters.nats.callout import Callout, Knock
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.nkeys import Issuer
from carbon254.adapters.nats.permissions import RELAY, Password, User, render, user_name
from carbon254.adapters.nats.server import NatsServer
from carbon254.core.domain.errors import NotEntitled
from carbon254.core.usecases.grant_streams import GrantStreams, Reader

_DOOR: Final = "nats"


def user_of(reader: Reader, password: Password = Password()) -> User:  # noqa: B008 - a frozen value
    """The server's user of a principal."""
    who = reader.principal
    return User(user_name(who.tenant, who.name), password, reader.grants)


class Doorkeeper:
    """A local server that lets nobody in but the relay, and after `open` whoever holds an API key.

    ``random`` makes secrets of a number of bytes. Grants are looked up at every knock: what the policy takes away is
    gone a quarter of an hour later at the latest.
    """

    def __init__(self, server: NatsServer, random: Callable[[int], bytes]) -> None:
        self._server = server
        self._relay = Password(random(24).hex())
        self._issuer = Issuer(random(32))
        self._users: dict[str, User] = {}
        self._lock = threading.Lock()
        self._callout: Callout | None = None

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
        self._server.start(self._grants())

    def open(self, grants: GrantStreams, now: Callable[[], datetime]) -> None:
        """Let in whoever holds a valid key and may subscribe."""

        def admit(knock: Knock) -> User:
            principal = grants.admit.authenticate(
                knock.key, door=_DOOR, target="connect", request_id=knock.client
            )
            user = user_of(grants.one(principal, "connect", request_id=knock.client))
            if not user.grants:
                raise NotEntitled(f"{principal.name} sees no stream.")
            self._know(user)
            return user

        self._callout = Callout(self.address, self._issuer, admit, now)
        self._callout.start()

    def _know(self, user: User) -> None:
        """Have the server know the user's account with just these grants."""
        with self._lock:
            if self._users.get(user.name) != user:
                self._users[user.name] = user
                self._server.reload(self._grants())

    def _grants(self) -> str:
        users = [self._users[name] for name in sorted(self._users)]
        return render(users, self._relay, self._issuer.name)

    def close(self) -> None:
        """Let nobody in any more, and stop the server."""
        if self._callout is not None:
            self._callout.close()
        self._server.stop()
