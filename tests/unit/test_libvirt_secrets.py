"""Secrets that libvirt keeps: whose they are, and when they are not as declared."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.fake.host import FakeHost
from tests.unit.cloud import fake_host, load
from tiny_cloud import libvirt_secrets
from tiny_cloud.facts import SecretFacts
from tiny_cloud.libvirt_secrets import ANOTHER, MISSING, UNKNOWN, KeptSecret
from tiny_cloud.steps import Step, UndefineSecret

SOURCE = {"env": "KEY"}
FIELD = "encryption.secret"


def secret_of(name: str, source: dict[str, Any] = SOURCE) -> KeptSecret:
    found = load(f"kind: Disk\nmetadata: {{name: {name}}}\nspec: {{size: 1GiB}}")
    return libvirt_secrets.kept(found.resources[0], FIELD, "volume", source)


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    host.secret["KEY"] = "canary"
    return host


def carry_out(host: FakeHost, step: Step) -> None:
    host.perform(step, lambda text, fraction: None)


def test_the_definition_is_private_and_says_whose_it_is() -> None:
    one, other = secret_of("data"), secret_of("logs")
    xml = etree.fromstring(one.define().xml)
    assert dict(xml.attrib) == {"ephemeral": "no", "private": "yes"}
    assert xml.findtext("uuid") == one.uuid != other.uuid
    assert xml.find("usage[@type='volume']") is not None
    assert xml.findtext("usage/volume") == "tinycloud lab disk/data encryption.secret"


def test_a_step_says_what_a_person_would_type_and_no_value() -> None:
    lines = secret_of("data", {"file": "/keys/a b"}).define().shell().splitlines()
    assert lines[0] == "virsh secret-define /dev/stdin <<'EOF'"
    uuid = secret_of("data").uuid
    assert lines[-1] == f"virsh secret-set-value {uuid} --plain --file '/keys/a b'"
    assert lines[-2] == "EOF"


def test_it_is_as_declared_once_it_is_defined(host: FakeHost) -> None:
    secret = secret_of("data")
    assert libvirt_secrets.observed(host, secret) == MISSING
    carry_out(host, secret.define())
    assert libvirt_secrets.observed(host, secret) == "env KEY"
    assert list(libvirt_secrets.remarks(host, secret)) == []
    carry_out(host, UndefineSecret(secret.uuid))
    assert libvirt_secrets.observed(host, secret) == MISSING
    assert host.record == {}


def test_another_value_shows(host: FakeHost) -> None:
    secret = secret_of("data")
    carry_out(host, secret.define())
    host.secret["KEY"] = "other"
    assert libvirt_secrets.observed(host, secret) == ANOTHER


def test_the_same_value_from_elsewhere_is_no_difference(host: FakeHost) -> None:
    carry_out(host, secret_of("data").define())
    host.secret["MOVED"] = "canary"
    assert libvirt_secrets.observed(host, secret_of("data", {"env": "MOVED"})) == "env MOVED"


def test_a_value_that_is_not_there_now_is_no_difference_and_is_said(host: FakeHost) -> None:
    secret = secret_of("data")
    carry_out(host, secret.define())
    del host.secret["KEY"]
    assert libvirt_secrets.observed(host, secret) == "env KEY"
    assert list(libvirt_secrets.remarks(host, secret)) == [
        "encryption.secret is not compared: the secret from env KEY is not there"]


def test_without_its_record_nothing_is_known_of_its_value(host: FakeHost) -> None:
    secret = secret_of("data")
    carry_out(host, secret.define())
    host.record.clear()
    assert libvirt_secrets.observed(host, secret) == UNKNOWN
    assert list(libvirt_secrets.remarks(host, secret)) == []


def test_somebody_elses_secret_under_its_uuid_is_not_it(host: FakeHost) -> None:
    secret = secret_of("data")
    host.libvirt_secret[secret.uuid] = SecretFacts(secret.uuid, "theirs")
    assert libvirt_secrets.observed(host, secret) == MISSING
