"""Ed25519 keys: the private one that signs, the public ones that are trusted, and the id they are known by.

The key id is the SHA-256 of the public key's DER form (SubjectPublicKeyInfo); with OpenSSL:
``openssl pkey -pubin -in KEY.pub -outform DER | sha256sum``.

References
----------
RFC 8410 (Ed25519 keys in SubjectPublicKeyInfo and PKCS #8).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing, IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Read an unencrypted Ed25519 private key (PEM PKCS #8, or OpenSSH's own format) that nobody else can read.

    Raises
    ------
    InputMissing
        When the file does not exist.
    UsageError
        When the group or others may read or write it.
    DataInvalid
        When it is no unencrypted Ed25519 private key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    if not path.is_file():
        raise InputMissing(
            "the signing key is not there",
            where=str(path),
            remedy="openssl genpkey -algorithm ed25519 -out KEY && chmod 600 KEY",
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise UsageError(
            "the signing key can be read by others",
            where=str(path),
            why=f"its mode is {mode:04o}; a key that the group or others may touch signs nothing",
            remedy=f"chmod 600 {path}, and make a new key if somebody else may have seen it",
        )
    data = storage.read_bytes(path)
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        key = load(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataInvalid(
            "the signing key cannot be read", where=str(path), why=f"not an unencrypted PEM or OpenSSH key: {error}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise DataInvalid("the signing key is not an Ed25519 key", where=str(path), why=f"it is a {type(key).__name__}")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return the public key as PEM (SubjectPublicKeyInfo)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the public key's DER form as 64 hex digits."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return storage.digest_bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key in PEM; its bytes must be exactly what `public_pem` writes.

    Raises
    ------
    DataInvalid
        When the file is anything else: a changed byte, another algorithm, added text.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = storage.read_bytes(path)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataInvalid(f"{path.name} is no public key", where=str(path), why=str(error)) from None
    if not isinstance(key, Ed25519PublicKey) or public_pem(key) != data:
        raise DataInvalid(
            f"{path.name} is no public key",
            where=str(path),
            why="not an Ed25519 key in plain PEM, byte for byte as OpenSSL writes it",
        )
    return key


def signer_record(key: Ed25519PublicKey, replaced: Ed25519PublicKey | None = None) -> dict[str, Any]:
    """Return how a manifest names the key that signs it: key id, the key itself (PEM), and the key that hands over."""
    record = {"key_id": key_id(key), "public_key": public_pem(key).decode()}
    return {**record, "replaces": signer_record(replaced)} if replaced else record


def signers_of(record: Mapping[str, Any]) -> list[Ed25519PublicKey]:
    """Return the public keys a manifest says it is signed with: the signer's, then that of the key it replaces."""
    handing = record.get("replaces")
    signer = {name: value for name, value in record.items() if name != "replaces"}
    return [public_key_of(signer), *([public_key_of(handing)] if handing else [])]


def public_key_of(record: Mapping[str, str]) -> Ed25519PublicKey:
    """Return the public key of a record in a manifest; that it is trusted is another question.

    Raises
    ------
    IntegrityError
        When the record's key cannot be read or does not have the record's key id.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(record["public_key"].encode())
    except (ValueError, KeyError, UnsupportedAlgorithm) as error:
        raise IntegrityError("the manifest's public key cannot be read", why=str(error)) from None
    if not isinstance(key, Ed25519PublicKey) or signer_record(key) != dict(record):
        raise IntegrityError("the manifest's public key is not the one its key id names", why=str(record.get("key_id")))
    return key


def user_folder() -> Path | None:
    """Return the reader's own folder of public keys: RACE_KEYS, else in the user's configuration; None without one.

    It lies outside every checkout, since whoever can rewrite a checkout can put any key into it.
    """
    if given := os.environ.get("RACE_KEYS"):
        return Path(given)
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        return (Path(base) if base else Path.home() / ".config") / "race-to-efficiency" / "keys"
    except RuntimeError:  # nobody's home
        return None


def read_keys(place: Path) -> dict[str, Ed25519PublicKey]:
    """Return key id -> public key of one file, or of every ``.pub`` file in a folder; none where there is no folder.

    Raises
    ------
    InputMissing, DataInvalid
        When a file is missing, or is no public key.
    """
    files = sorted(place.glob("*.pub")) if place.is_dir() else [place]
    return {key_id(key): key for key in map(load_public_key, files)}


def keep_key(folder: Path, key: Ed25519PublicKey) -> Path:
    """Write a public key into a folder of keys, named after its id; return its file."""
    path = folder / key_file_name(key_id(key))
    return path if path.exists() else storage.write_bytes(path, public_pem(key))


def key_file_name(identity: str) -> str:
    """Return the file name of a public key in a folder of keys."""
    return f"{identity[:16]}.pub"
