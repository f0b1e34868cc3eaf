"""Ed25519 signatures over a published quarter: an in-toto Statement inside a DSSE envelope.

The signature covers DSSE's pre-authentication encoding of the exact payload bytes, so neither the payload nor its type
can be exchanged.

References
----------
DSSE v1.0 (secure-systems-lab/dsse, protocol.md); in-toto Attestation Framework v1 (statement.md, envelope.md);
RFC 8032 (Ed25519).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, IntegrityError
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance.keys import key_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:race-to-efficiency:published-quarter:v1"
ENVELOPE_NAME = "manifest.dsse.json"


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes a DSSE signature covers: ``DSSEv1 LEN(type) type LEN(payload) payload``."""
    name = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def statement(manifest_bytes: bytes, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the in-toto Statement about a published quarter: every file of it, the manifest first."""
    files = {"manifest.json": storage.digest_bytes(manifest_bytes)}
    files |= {name: entry["sha256"] for name, entry in manifest["files"].items()}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in files.items()],
        "predicateType": PREDICATE_TYPE,
        "predicate": {name: manifest[name] for name in ("quarter", "as_of", "revision", "reconstructed", "previous")},
    }


def sign(document: Mapping[str, Any], *keys: Ed25519PrivateKey) -> bytes:
    """Return the DSSE envelope (bytes of its file) of a statement, signed with each key in turn."""
    payload = storage.canonical_json(document)
    covered = pre_authentication_encoding(PAYLOAD_TYPE, payload)
    signatures = [(key_id(key.public_key()), key.sign(covered)) for key in keys]
    return storage.dumps(_envelope(payload, signatures)).encode()


def _envelope(payload: bytes, signatures: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": name, "sig": base64.b64encode(sig).decode()} for name, sig in signatures],
    }


def open_envelope(envelope_bytes: bytes, *keys: Ed25519PublicKey) -> dict[str, Any]:
    """Return the statement of an envelope after checking its form byte for byte, its key ids and its signatures.

    Parameters
    ----------
    envelope_bytes : bytes
    *keys : Ed25519PublicKey
        Those that must have signed it, in this order, and no other.

    Raises
    ------
    IntegrityError
        When any of them does not hold; ``why`` says which.
    """
    from cryptography.exceptions import InvalidSignature

    payload, signatures = read_envelope(envelope_bytes)
    named, at_hand = [name for name, _ in signatures], [key_id(key) for key in keys]
    if named != at_hand:
        why = f"key id {' and '.join(named)}, the key at hand is {' and '.join(at_hand)}"
        raise IntegrityError("the signature names another key", why=why)
    for key, (_, signature) in zip(keys, signatures, strict=True):
        try:
            key.verify(signature, pre_authentication_encoding(PAYLOAD_TYPE, payload))
        except InvalidSignature:
            raise IntegrityError(
                "the signature does not fit what it signs", why="Ed25519 verification failed"
            ) from None
    document: dict[str, Any] = parse_json(payload, ENVELOPE_NAME)
    return document


def read_envelope(envelope_bytes: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return payload and signatures (key id, signature) of a DSSE envelope in exactly the form `sign` writes.

    Raises
    ------
    IntegrityError
        When it is anything else.
    """
    try:
        envelope: dict[str, Any] = parse_json(envelope_bytes, ENVELOPE_NAME)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [
            (str(item["keyid"]), base64.b64decode(item["sig"], validate=True)) for item in envelope["signatures"]
        ]
    except (DataInvalid, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise IntegrityError("the envelope is not a DSSE envelope", why=str(error)) from None
    if storage.dumps(_envelope(payload, signatures)).encode() != envelope_bytes:
        raise IntegrityError(
            "the envelope is not in the form it was written in", why="bytes outside the signed payload were changed"
        )
    return payload, signatures
