"""The server's users and what each may do, as configuration text.

Every user has an account of its own. The markets' account alone has JetStream; a user's account imports from it what
was granted, by exact name, under ``$JS.markets.API``. Two things follow that permissions on subjects cannot give:

* what a user makes the server answer goes nowhere but into the user's own account. Inside one account, a request to
  read hub prices with the subject of another stream as its reply writes those prices into that stream;
* nobody hears what is published in the markets' account, so a push consumer has nowhere to deliver to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import field, frozen

from carbon254.core.domain.grants import StreamGrant
from carbon254.core.domain.series import subject_token

DOMAIN: Final = "markets"  # what a subscriber names as JetStream's domain
MARKETS: Final = "MARKETS"  # the account of streams and relay
RELAY: Final = "relay"
CONSUMERS: Final = 4  # that a user may have of each stream
_API: Final = "$JS.API."


@frozen
class Password:
    """A password, or the name of the variable in the server's environment that holds it."""

    text: str = field(default="", repr=False)
    variable: str = ""

    def render(self) -> str:
        """As the configuration has it."""
        return f"${self.variable}" if self.variable else json.dumps(self.text)


@frozen
class User:
    """Who may read what. ``name`` is one token, such as `user_name` makes: user, account and inbox have it."""

    name: str
    password: Password
    grants: tuple[StreamGrant, ...]

    @property
    def inbox(self) -> str:
        """The prefix of the user's inboxes, which nobody else may listen to."""
        return f"_INBOX.{self.name}"

    @property
    def account(self) -> str:
        """The user's account."""
        return f"USER-{self.name}"

    def consumers(self) -> tuple[str, ...]:
        """The names that the user may give to consumers of a stream."""
        return tuple(f"{self.name}-{number + 1}" for number in range(CONSUMERS))


@frozen(order=True)
class Service:
    """A subject of the markets' account that a user may ask, and how often it answers."""

    subject: str
    many: bool = field(default=False, order=False)

    @property
    def seen(self) -> str:
        """The subject as the user's account has it."""
        if not self.subject.startswith(_API):
            return self.subject
        return f"$JS.{DOMAIN}.API.{self.subject.removeprefix(_API)}"


def user_name(tenant: str, principal: str) -> str:
    """The user of a principal, as in ``sunny@acme``: distinct for distinct principals, whatever their names hold."""
    return f"{subject_token(principal)}@{subject_token(tenant)}"


def services_of(user: User) -> Iterator[Service]:
    """Exactly what a user may ask of the server."""
    for grant in user.grants:
        stream = grant.stream.name
        yield from (Service(f"{_API}DIRECT.GET.{stream}.{subject}") for subject in grant.subjects)
        for consumer in user.consumers():
            for subject in grant.subjects:
                yield Service(f"{_API}CONSUMER.CREATE.{stream}.{consumer}.{subject}")
            yield Service(f"{_API}CONSUMER.MSG.NEXT.{stream}.{consumer}", many=True)
            yield Service(f"{_API}CONSUMER.INFO.{stream}.{consumer}")
            yield Service(f"{_API}CONSUMER.DELETE.{stream}.{consumer}")
            yield Service(f"$JS.ACK.{stream}.{consumer}.>")


def render(users: Sequence[User], relay: Password, issuer: str = "") -> str:
    """Accounts, users, exports and imports, for a server's configuration.

    With an ``issuer`` the server asks whoever signs with that key who its users are (`callout`), and passwords stand
    nowhere; without, each user has a password here.
    """
    asked: dict[Service, list[str]] = {}
    for user in users:
        for service in services_of(user):
            asked.setdefault(service, []).append(user.account)
    lines = ["accounts {", f"  {MARKETS} {{", "    jetstream: enabled",
             f"    users: [{{user: {RELAY}, password: {relay.render()}}}]", "    exports: ["]  # fmt: skip
    lines += [_export(service, accounts) for service, accounts in sorted(asked.items())]
    lines += ["    ]", "  }"]
    for user in users:
        lines += [
            f"  {json.dumps(user.account)} {{",
            *([] if issuer else _user(user)),
            *_imports(user),
            "  }",
        ]
    lines.append("}")
    if issuer:
        lines.append(_CALLOUT.format(issuer=issuer, relay=RELAY, account=MARKETS))
    return "\n".join([*lines, ""])


_CALLOUT: Final = """\
authorization {{
  timeout: 5
  auth_callout {{ issuer: {issuer}, auth_users: [{relay}], account: {account} }}
}}"""


def _user(user: User) -> Iterable[str]:
    yield f"    users: [{{user: {json.dumps(user.name)}, password: {user.password.render()}, permissions: {{"
    yield "      publish: {allow: ["
    yield from (f"        {json.dumps(service.seen)}" for service in sorted(services_of(user)))
    yield "      ]}"
    yield f"      subscribe: {{allow: [{json.dumps(user.inbox + '.>')}]}}"
    yield "    }}]"


def _imports(user: User) -> Iterable[str]:
    yield "    imports: ["
    yield from (_import(service) for service in sorted(services_of(user)))
    yield "    ]"


def _export(service: Service, accounts: Iterable[str]) -> str:
    many = ", response_type: stream" if service.many else ""
    return f"      {{service: {json.dumps(service.subject)}{many}, accounts: {json.dumps(sorted(accounts))}}}"


def _import(service: Service) -> str:
    to = f", to: {json.dumps(service.seen)}" if service.seen != service.subject else ""
    return f"      {{service: {{account: {MARKETS}, subject: {json.dumps(service.subject)}}}{to}}}"
