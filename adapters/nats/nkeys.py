"""The server's keys and tokens: Ed25519 keys written as NATS writes them, and JSON web tokens that they sign.

After NATS' ADR-14 (tokens) and ADR-26 (callout); letters are those of RFC 4648's base 32.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from carbon254.core.domain.errors import Unauthenticated

_ACCOUNT: Final = 0 << 3  # the first byte of what is written A…
_HEAD: Final = {"typ": "JWT", "alg": "ed25519-nkey"}


class Issuer:
    """Signs tokens for an account with a key of its own. ``secret`` are the key's 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.name = _written(_ACCOUNT, self._key.public_key().public_bytes_raw())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token with the claims, issued by this key; its id is a digest of the rest."""
        told = {**claims, "iss": self.name}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()
        told["jti"] = base64.b32encode(digest).decode().rstrip("=")
        text = f"{_packed(_HEAD)}.{_packed(told)}"
        signature = self._key.sign(text.encode())
        return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def read(token: bytes) -> dict[str, Any]:
    """The claims of a token whose issuer signed it. Raises `Unauthenticated` for any other."""
    try:
        head, claims, signature = token.decode().split(".")
        found: dict[str, Any] = json.loads(_unpacked(claims))
        key = Ed25519PublicKey.from_public_bytes(_public(found["iss"]))
        key.verify(_unpacked(signature), f"{head}.{claims}".encode())
    except (ValueError, KeyError, TypeError, InvalidSignature):
        raise Unauthenticated(
            "a token of the message server is not signed by whom it names."
        ) from None
    return found


def _written(kind: int, public: bytes) -> str:
    raw = bytes([kind]) + public
    return (
        base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")
    )


def _public(name: str) -> bytes:
    raw = base64.b32decode(name + "=" * (-len(name) % 8))
    if binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]:
        raise ValueError("its checksum is wrong")
    return raw[1:-2]


def _packed(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
