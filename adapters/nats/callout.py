"""Lets people in to a message server by their API key, which the server cannot check itself (ADR-26: callout).

The server asks who connects; we answer with a token that puts the user into its own account with exactly what it may
do, for an hour at most: then the server cuts the connection off, the client connects again, and is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from attrs import field, frozen
from nats.aio.msg import Msg

from carbon254.adapters.nats.connection import Address, Connection, translated
from carbon254.adapters.nats.loop import LoopThread
from carbon254.adapters.nats.nkeys import Issuer, read
from carbon254.adapters.nats.permissions import User, services_of
from carbon254.core.domain.errors import Carbon254Error

SUBJECT: Final = "$SYS.REQ.USER.AUTH"
_log = logging.getLogger(__name__)


@frozen
class Knock:
    """Who wants to come in: the name that was given, and the key, which is never shown."""

    user: str
    key: str = field(repr=False)
    client: str = ""  # the server's id of the connection


Admit = Callable[[Knock], User]  # raises `Unauthenticated`, `NotEntitled`, `AuditUnavailable`


class Callout:
    """Answers the server until it is closed. ``admit`` is called in threads of its own."""

    def __init__(
        self,
        address: Address,
        issuer: Issuer,
        admit: Admit,
        now: Callable[[], datetime],
    ) -> None:
        self._address, self._issuer, self._admit = address, issuer, admit
        self._now = now
        self._thread = LoopThread("nats-callout")
        self._connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to answer. Raises `StreamUnavailable`."""
        with translated(self._address):
            self._thread.call(self._listen())

    async def _listen(self) -> None:
        self._connection = Connection(self._address)
        client = await self._connection.client()
        await client.subscribe(SUBJECT, queue="callout", cb=self._asked)
        await client.flush()

    def close(self) -> None:
        """Stop answering: nobody new is let in, whoever is in stays."""
        if self._connection is not None and not self._thread.loop.is_closed():
            self._thread.call(self._connection.close())
        self._thread.stop()

    async def _asked(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message))  # several may knock at once
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        asked = read(message.data)["nats"]
        try:
            told = await asyncio.to_thread(self._token, asked)
        except Carbon254Error as error:
            _log.warning("a subscriber was refused: %s", error.code)
            told = {"error": error.code}
        await message.respond(self._reply(asked, told))

    def _token(self, asked: dict[str, Any]) -> dict[str, str]:
        wish = asked["connect_opts"]
        key = wish.get("pass") or wish.get("auth_token") or ""
        user = self._admit(
            Knock(wish.get("user", ""), key, str(asked["client_info"].get("id", "")))
        )
        return {"jwt": self._issuer.sign(claims_of(user, asked["user_nkey"], self._now()))}

    def _reply(self, asked: dict[str, Any], told: dict[str, str]) -> bytes:
        claims = {
            "sub": asked["user_nkey"], "aud": asked["server_id"]["id"], "iat": int(self._now().timestamp()),
            "nats": {"type": "authorization_response", "version": 2, **told},
        }  # fmt: skip
        return self._issuer.sign(claims).encode()


def claims_of(user: User, key: str, now: datetime) -> dict[str, Any]:
    """What a user's token says: its account, and what it may do."""
    allowed = [service.seen for service in sorted(services_of(user))]
    return {
        "sub": key, "aud": user.account, "name": user.name, "iat": int(now.timestamp()),
        "nats": {
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1,
            "pub": {"allow": allowed}, "sub": {"allow": [f"{user.inbox}.>"]},
        },
    }  # fmt: skip
