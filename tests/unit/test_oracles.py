"""What others' libraries read out of a published quarter, and what they compute where we have a rule of our own."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import synthetic_quarter
from arch.bootstrap import IIDBootstrap
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gamma_views import series_of
from prov.model import ProvDerivation, ProvDocument, ProvEntity
from race_to_efficiency.calibration.common.resampling import cluster_weights
from race_to_efficiency.own_tables.shared_models import same_mean_p
from race_to_efficiency.provenance.signing import ENVELOPE_NAME, PAYLOAD_TYPE, pre_authentication_encoding
from rocrate.rocrate import ROCrate
from scipy.stats import f_oneway
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

if TYPE_CHECKING:
    from pathlib import Path

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed quarter, published."""
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("oracles"))
    return synthetic_quarter.publish_all(root, ("2025Q1",), signing_key=KEY) / "reports" / "2025Q1"


def test_prov_reads_every_record_and_walks_from_a_number_back_to_its_sources(folder: Path):
    text = (folder / "prov.json").read_text()
    document, plain = ProvDocument.deserialize(content=text, format="json"), json.loads(text)
    assert len(list(document.get_records(ProvEntity))) == len(plain["entity"]) > 10
    steps = [(str(one.args[0]), str(one.args[1])) for one in document.get_records(ProvDerivation)]
    assert len(steps) == len(plain["wasDerivedFrom"]) > 5
    reached, open_ = set(), {"race:2025Q1/output/curve.constant_power.total.pooled"}
    while open_:
        reached |= open_
        open_ = {used for made, used in steps if made in open_} - reached
    assert {name for name in reached if name.startswith("race:source/")} == {"race:source/chips", "race:source/runs"}
    assert "race:2025Q1/output/row.accelerators/chip-b" not in reached


def test_a_crate_opens_and_every_file_it_names_is_there(folder: Path):
    crate = ROCrate(folder)
    files = {item.id for item in crate.data_entities}
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files <= present
    assert present - files <= {
        "ro-crate-metadata.json",
        "manifest.json",
        "registry_entry.json",
        ENVELOPE_NAME,
        "ledger_rows.json",
    }  # fmt: skip  (sealed after the crate was written)
    actions = [item for item in crate.contextual_entities if item.type == "CreateAction"]
    assert len(actions) == 3
    assert crate.root_dataset["datePublished"] == "2025-03-31"


def sslib_key(key: Ed25519PrivateKey, name: str) -> SSlibKey:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return SSlibKey(name, "ed25519", "ed25519", {"public": raw})


def test_securesystemslib_verifies_the_envelope_and_no_other(folder: Path):
    text = (folder / ENVELOPE_NAME).read_text()
    document = json.loads(text)
    name, payload = document["signatures"][0]["keyid"], base64.b64decode(document["payload"])
    envelope = Envelope.from_dict(json.loads(text))  # which it changes
    assert envelope.pae() == pre_authentication_encoding(PAYLOAD_TYPE, payload)
    assert set(envelope.verify([sslib_key(KEY, name)], 1)) == {name}
    with pytest.raises(VerificationError):
        envelope.verify([sslib_key(OTHER, name)], 1)
    changed = base64.b64encode(payload.replace(b"2025Q1", b"2025Q2")).decode()
    with pytest.raises(VerificationError):
        Envelope.from_dict({**document, "payload": changed}).verify([sslib_key(KEY, name)], 1)


@pytest.mark.parametrize("counts", [False, True])
def test_weights_of_clusters_spread_a_mean_as_resampling_with_replacement_does(counts: bool):
    """Exponential weights and Poisson counts have the mean and variance of the bootstrap (that of arch), nearly."""
    rng = np.random.default_rng(5)
    values = rng.standard_normal(200)
    series = series_of(np.arange(200.0), values, [f"c{n}" for n in range(200)])
    weights = cluster_weights(series, 4000, 3, counts=counts)
    means = weights @ values / weights.sum(axis=1)
    theirs = np.concatenate(list(IIDBootstrap(values, seed=1).apply(np.mean, 4000)))
    assert means.std() == pytest.approx(theirs.std(), rel=0.06)  # s.e. of the ratio .016
    assert means.mean() == pytest.approx(theirs.mean(), abs=4 * theirs.std() / np.sqrt(4000))
    assert np.quantile(means, [0.025, 0.975]) == pytest.approx(np.quantile(theirs, [0.025, 0.975]), abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_the_p_of_equal_means_is_scipys(seed):
    rng = np.random.default_rng(seed)
    samples = [rng.normal(0.4 * seed * (k == 1), 1.0 + k, 3 + 2 * k) for k in range(3 + seed)]
    assert same_mean_p(samples) == pytest.approx(f_oneway(*samples).pvalue, rel=1e-12)
