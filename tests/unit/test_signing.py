"""Signatures: OpenSSL's own answers, the DSSE specification's example, and every way to misuse them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.errors import DataInvalid, InputMissing, IntegrityError, UsageError
from race_to_efficiency.provenance import keys, signing

OPENSSL = shutil.which("openssl")
STATEMENT = {"_type": signing.STATEMENT_TYPE, "subject": [], "predicateType": signing.PREDICATE_TYPE, "predicate": {}}


def private_key(seed: int = 1) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def write_key(path: Path, key: Ed25519PrivateKey, *, mode: int = 0o600, kind: str = "pem") -> Path:
    form = PrivateFormat.OpenSSH if kind == "ssh" else PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    path.chmod(mode)
    return path


def test_pre_authentication_encoding_is_the_specification_s_example() -> None:
    # DSSE protocol.md, "Protocol": the worked example of PAE
    encoded = signing.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_ed25519_signature_is_rfc_8032_s_third_test_vector() -> None:
    secret = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    known = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"  # noqa: E501
    assert Ed25519PrivateKey.from_private_bytes(secret).sign(bytes.fromhex("af82")).hex() == known


@pytest.mark.skipif(OPENSSL is None, reason="no openssl command on this machine; the vectors above cover the library")
def test_key_id_and_signature_agree_with_openssl(tmp_path: Path) -> None:
    key = private_key()
    (tmp_path / "k.pub").write_bytes(keys.public_pem(key.public_key()))
    der = subprocess.run(
        [OPENSSL, "pkey", "-pubin", "-in", tmp_path / "k.pub", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    import hashlib

    assert keys.key_id(key.public_key()) == hashlib.sha256(der).hexdigest()
    envelope = json.loads(signing.sign(STATEMENT, key))
    payload = base64.b64decode(envelope["payload"])
    (tmp_path / "message").write_bytes(signing.pre_authentication_encoding(envelope["payloadType"], payload))
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    words = ["-verify", "-pubin", "-inkey", "k.pub", "-rawin", "-in", "message", "-sigfile", "signature"]
    done = subprocess.run([OPENSSL, "pkeyutl", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout + done.stderr


def test_what_was_signed_comes_back() -> None:
    key = private_key()
    assert signing.open_envelope(signing.sign(STATEMENT, key), key.public_key()) == STATEMENT


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_bit_of_the_envelope_flipped_is_refused(position: int, bit: int) -> None:
    key = private_key()
    data = bytearray(signing.sign(STATEMENT, key))
    data[position % len(data)] ^= 1 << bit
    with pytest.raises(IntegrityError):
        signing.open_envelope(bytes(data), key.public_key())


@pytest.mark.parametrize("extra", [b" ", b"\n", b"\x00", b"{}"])
def test_bytes_added_to_the_envelope_are_refused(extra: bytes) -> None:
    key = private_key()
    for data in (signing.sign(STATEMENT, key) + extra, extra + signing.sign(STATEMENT, key)):
        with pytest.raises(IntegrityError):
            signing.open_envelope(data, key.public_key())


def test_another_key_s_signature_is_refused_by_key_id() -> None:
    with pytest.raises(IntegrityError, match="another key") as caught:
        signing.open_envelope(signing.sign(STATEMENT, private_key(2)), private_key(1).public_key())
    assert keys.key_id(private_key(2).public_key()) in str(caught.value)


def test_another_key_s_signature_under_the_true_key_id_is_refused() -> None:
    true, forger = private_key(1), private_key(2)
    envelope = json.loads(signing.sign(STATEMENT, forger))
    envelope["signatures"][0]["keyid"] = keys.key_id(true.public_key())
    data = (json.dumps(envelope, indent=2) + "\n").encode()
    with pytest.raises(IntegrityError, match="does not fit"):
        signing.open_envelope(data, true.public_key())


@pytest.mark.parametrize("kind", ["pem", "ssh"])
def test_a_private_key_is_read_in_both_usual_forms(tmp_path: Path, kind: str) -> None:
    path = write_key(tmp_path / "key", private_key(), kind=kind)
    assert keys.key_id(keys.load_signing_key(path).public_key()) == keys.key_id(private_key().public_key())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path / "key", private_key(), mode=mode)
    with pytest.raises(UsageError, match="read by others") as caught:
        keys.load_signing_key(path)
    assert f"{mode:04o}" in str(caught.value)


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        keys.load_signing_key(tmp_path / "absent")
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    encrypted = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    for data in (
        b"no key at all",
        rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        encrypted,
    ):
        path = tmp_path / "key"
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(DataInvalid):
            keys.load_signing_key(path)


def test_a_folder_of_keys_holds_public_keys_in_one_form_only(tmp_path: Path) -> None:
    first, second = (private_key(seed).public_key() for seed in (1, 2))
    pem = keys.public_pem(first)
    path = keys.keep_key(tmp_path, first)
    assert path.read_bytes() == pem
    assert keys.keep_key(tmp_path, first) == path
    (tmp_path / "notes.txt").write_text("no key, and none of its name")
    assert list(keys.read_keys(tmp_path)) == list(keys.read_keys(path)) == [keys.key_id(first)]
    keys.keep_key(tmp_path, second)
    assert set(keys.read_keys(tmp_path)) == {keys.key_id(first), keys.key_id(second)}
    with pytest.raises(InputMissing):
        keys.read_keys(tmp_path / "absent.pub")
    for data in (pem + b"\n", pem.replace(b"\n", b"\r\n"), b"hello", pem[:-2]):
        path.write_bytes(data)
        with pytest.raises(DataInvalid, match=path.name):
            keys.read_keys(tmp_path)


def test_the_reader_s_folder_of_keys_lies_where_configuration_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"RACE_KEYS": "/k", "XDG_CONFIG_HOME": "/x", "HOME": "/h"}
    found = []
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    for name in places:
        found.append(str(keys.user_folder()))
        monkeypatch.delenv(name)
    assert found == ["/k", "/x/race-to-efficiency/keys", "/h/.config/race-to-efficiency/keys"]

    def nobody() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nobody)
    assert keys.user_folder() is None


def test_an_envelope_of_two_keys_needs_both_in_their_order() -> None:
    new, old = private_key(1), private_key(2)
    envelope = signing.sign(STATEMENT, new, old)
    assert signing.open_envelope(envelope, new.public_key(), old.public_key()) == STATEMENT
    for at_hand in ((new,), (old,), (old, new), (new, old, old), (new, private_key(3)), ()):
        with pytest.raises(IntegrityError, match="another key"):
            signing.open_envelope(envelope, *(key.public_key() for key in at_hand))
    forged = json.loads(signing.sign(STATEMENT, new, private_key(3)))
    forged["signatures"][1]["keyid"] = keys.key_id(old.public_key())
    with pytest.raises(IntegrityError, match="does not fit"):
        signing.open_envelope((json.dumps(forged, indent=2) + "\n").encode(), new.public_key(), old.public_key())
