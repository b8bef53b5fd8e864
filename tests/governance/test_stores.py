"""Bytes in a folder or a bucket behave alike; the bucket is one of moto's, a local imitation of S3."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from accounts.models import Organisation
from accounts.services import create_organisation
from assessments.store import evidence_file, keep
from governance.errors import StoreProblem
from governance.selectors import artifact_file, artifact_name
from governance.services import store_artifact
from governance.stores import store

pytestmark = pytest.mark.django_db
KEYS = {"access_key": "key", "secret_key": "secret", "region_name": "eu-central-1"}


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of a local S3 service with a bucket called inversight."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=address, aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1")
    client.create_bucket(Bucket="inversight", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.close()
    yield address
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def kept_in(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    """Where bytes go in this test."""
    settings.ARTIFACTS, settings.EVIDENCE, settings.WORK = tmp_path / "artifacts", tmp_path / "evidence", tmp_path / "work"
    settings.WORK.mkdir()
    if request.param == "bucket":
        settings.S3 = {"bucket_name": "inversight", "endpoint_url": request.getfixturevalue("service"), "file_overwrite": True, **KEYS}
    return str(request.param)


@pytest.fixture
def bank() -> Organisation:
    return create_organisation("Nordbank")


def in_bucket(settings: Any, **changed: Any) -> None:
    settings.S3 = {"bucket_name": "inversight", "file_overwrite": True, **KEYS, **changed}


def test_what_was_put_comes_back_whole(kept_in: str, bank: Organisation, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    artifact = store_artifact(bank, io.BytesIO(content))
    assert artifact_file(artifact, tmp_path).read_bytes() == content
    assert list(store("artifacts").names()) == [artifact_name(artifact)]
    assert store_artifact(bank, io.BytesIO(content)) == artifact
    written = tmp_path / "guesses.npz"
    written.write_bytes(b"guesses")
    sha256, size = keep(written)
    assert size == 7
    assert evidence_file(sha256, tmp_path).read_bytes() == b"guesses"


def test_what_was_erased_is_gone_and_erasing_twice_is_no_error(kept_in: str, bank: Organisation, tmp_path: Path) -> None:
    artifact = store_artifact(bank, io.BytesIO(b"people"))
    for _ in range(2):
        store("artifacts").erase(artifact_name(artifact))
    assert not store("artifacts").has(artifact_name(artifact))
    with pytest.raises(StoreProblem):
        artifact_file(artifact, tmp_path)


def test_bytes_that_changed_in_the_store_are_not_handed_out(kept_in: str, bank: Organisation, tmp_path: Path, settings: Any) -> None:
    artifact = store_artifact(bank, io.BytesIO(b"people"))
    other = tmp_path / "other"
    other.write_bytes(b"others")
    if kept_in == "folder":
        other.rename(settings.ARTIFACTS / artifact_name(artifact))
    else:
        client = boto3.client("s3", endpoint_url=settings.S3["endpoint_url"], aws_access_key_id="key", aws_secret_access_key="secret")
        client.upload_file(str(other), "inversight", f"artifacts/{artifact_name(artifact)}")
        client.close()
    with pytest.raises(StoreProblem, match="was altered: its bytes no longer have their hash"):
        artifact_file(artifact, tmp_path)


def test_a_missing_bucket_says_what_to_correct(service: str, bank: Organisation, settings: Any, tmp_path: Path) -> None:
    settings.WORK = tmp_path
    in_bucket(settings, bucket_name="elsewhere", endpoint_url=service)
    with pytest.raises(StoreProblem) as refused:
        store_artifact(bank, io.BytesIO(b"people"))
    assert "make the bucket" in str(refused.value)
    assert "secret" not in str(refused.value).replace("S3_SECRET_KEY", "")


def test_a_service_that_cannot_be_reached_says_so(bank: Organisation, settings: Any, tmp_path: Path) -> None:
    from botocore.config import Config

    settings.WORK = tmp_path
    in_bucket(settings, endpoint_url="http://127.0.0.1:1", client_config=Config(connect_timeout=1, retries={"max_attempts": 0}))
    with pytest.raises(StoreProblem, match="cannot be reached"):
        store_artifact(bank, io.BytesIO(b"people"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
