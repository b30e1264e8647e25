"""Keys of the data folder that only its owner reads: what signs checkpoints, and what masks secrets in the audit log.

A checkpoint is a signed note (C2SP ``signed-note``, as Go's checksum database uses it): its text, an empty line, and
``— name base64(key hash, Ed25519 signature)``. Whoever holds the verifier's line can check it, with any tool that knows
the format.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from carbon254.adapters.files.durable import make_folder, sync_folder, translated, write_all
from carbon254.core.domain.errors import DocumentDamaged, StoreUnavailable

_ED25519: Final = b"\x01"
_NOTE: Final = re.compile(r"(?P<text>.*\n)\n— (?P<name>\S+) (?P<signature>\S+)\n", re.DOTALL)
_NAME: Final = re.compile(r"[^\s+]+")


class NoteVerifier:
    """Reads notes that one key signed, by its verifier's line ``name+hash+key``. Raises `DocumentDamaged`."""

    def __init__(self, line: str) -> None:
        name, _, rest = line.strip().partition("+")
        hash_, _, key = rest.partition("+")
        raw = _decoded(key)
        if raw[:1] != _ED25519 or len(raw) != 33 or _key_hash(name, raw[1:]).hex() != hash_:
            raise DocumentDamaged(f"'{line}' is no verifier of Ed25519 notes: name+hash+key is.")
        self._name, self._public = name, raw[1:]

    def read(self, note: str) -> str:
        match = _NOTE.fullmatch(note)
        if match is None:
            raise DocumentDamaged(
                "this is no signed note: text, an empty line, '— name signature'."
            )
        signature = _decoded(match["signature"])
        known = match["name"] == self._name and signature[:4] == _key_hash(self._name, self._public)
        try:
            if not known:
                raise InvalidSignature
            public = Ed25519PublicKey.from_public_bytes(self._public)
            public.verify(signature[4:], match["text"].encode())
        except InvalidSignature:
            raise DocumentDamaged(
                f"a note is not signed by {self._name}, or was altered since."
            ) from None
        return match["text"]


class NoteSigner:
    """Signs notes with an Ed25519 key (32 bytes) under a name without spaces or plus signs."""

    def __init__(self, name: str, key: bytes) -> None:
        if not _NAME.fullmatch(name):
            raise StoreUnavailable(f"'{name}' is no name of a key: no spaces and no '+'.")
        self._name, self._key = name, Ed25519PrivateKey.from_private_bytes(key)
        self._public = self._key.public_key().public_bytes_raw()
        self._verifier = NoteVerifier(self.verifier())

    def verifier(self) -> str:
        key = base64.b64encode(_ED25519 + self._public).decode()
        return f"{self._name}+{_key_hash(self._name, self._public).hex()}+{key}"

    def sign(self, text: str) -> str:
        signature = _key_hash(self._name, self._public) + self._key.sign(text.encode())
        return f"{text}\n— {self._name} {base64.b64encode(signature).decode()}\n"

    def read(self, note: str) -> str:
        return self._verifier.read(note)


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


class Masks:
    """Turns a secret into text by which it can be searched for, and from which it cannot be read."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def __call__(self, secret: str) -> str:
        return "hmac-sha256:" + hmac.new(self._salt, secret.encode(), hashlib.sha256).hexdigest()


def owners_secret(path: Path) -> bytes:
    """The 32 random bytes of a file that only its owner may read; made at the first call, durably.

    Raises `StoreUnavailable` where others can read the file or it is cut, `DiskFull`.
    """
    with translated(f"secret {path}"):
        make_folder(path.parent)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return _kept(path)
        secret = secrets.token_bytes(32)
        try:
            write_all(descriptor, secret)
            os.fsync(descriptor)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
        return secret


def _kept(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise StoreUnavailable(f"others can read {path}: run chmod 600 on it, and replace it.")
    secret = path.read_bytes()
    if len(secret) != 32:
        raise StoreUnavailable(f"{path} is cut: restore it from a copy.")
    return secret
