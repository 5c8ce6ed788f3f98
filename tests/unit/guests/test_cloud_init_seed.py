"""What a guest's settings become in a seed, one setting at a time."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tiny_cloud.cloudinit import Seed, refused, rendered
from tiny_cloud.errors import Failure


def config(seed: Seed) -> dict[str, Any]:
    text = seed.files["user-data"]
    assert text.startswith("#cloud-config\n")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def user(**settings: Any) -> Any:
    return config(rendered({"users": {"koder": settings}}, "1"))["users"][0]


def test_a_name_with_a_domain_is_said_short_and_whole() -> None:
    told = config(rendered({"hostname": "web.lab.example"}, "1"))
    assert (told["hostname"], told["fqdn"]) == ("web", "web.lab.example")
    assert told["preserve_hostname"] is False
    assert "fqdn" not in config(rendered({"hostname": "web"}, "1"))


def test_a_name_nobody_declared_stays() -> None:
    assert config(rendered({}, "1"))["preserve_hostname"] is True


def test_an_account_has_its_hash_and_is_not_locked() -> None:
    assert user(hash="$6$s$h", groups=["sudo", "adm"], uid=1001) == {
        "name": "koder", "hashed_passwd": "$6$s$h", "groups": ["sudo", "adm"], "uid": 1001,
        "lock_passwd": False}


def test_groups_and_shell_are_given_to_an_account_that_is_there_too() -> None:
    """cc_users_groups passes over an account that exists, but for password and keys."""
    told = config(rendered({"users": {"koder": {"groups": ["sudo"], "shell": "/bin/sh"},
                                      "root": {"hash": "$6$s$h"}}}, "1"))
    assert told["runcmd"] == [
        ["usermod", "--shell", "/bin/sh", "--append", "--groups", "sudo", "koder"]]


def test_keys_of_root_are_no_keys_that_only_print_a_sentence() -> None:
    key = {"authorizedKeys": ["ssh-ed25519 AAAA k"]}
    assert config(rendered({"users": {"root": key}}, "1"))["disable_root"] is False
    assert "disable_root" not in config(rendered({"users": {"koder": key}}, "1"))


def test_without_users_the_image_has_its_own() -> None:
    assert "users" not in config(rendered({"hostname": "web"}, "1"))


def test_lines_of_hosts_are_a_block_that_is_renewed() -> None:
    told = config(rendered({"hosts": [{"address": "10.0.0.9", "names": ["db", "sql"]}]}, "1"))
    assert told["write_files"] == [{"path": "/etc/hosts", "append": True, "content":
        "# tinycloud: begin\n10.0.0.9\tdb sql\n# tinycloud: end\n"}]
    gone = config(rendered({}, "1"))
    assert "write_files" not in gone
    sweeping = [entry for entry in gone["bootcmd"] if "sed" in entry]
    assert sweeping == [entry for entry in told["bootcmd"] if "sed" in entry] != []


def test_host_keys_are_made_once_a_disk_and_not_once_an_instance() -> None:
    one, two = (config(rendered({"hostname": name}, "17")) for name in ("web", "www"))
    assert one["ssh_deletekeys"] is False and one["bootcmd"] == two["bootcmd"]
    assert one["bootcmd"] != config(rendered({"hostname": "web"}, "18"))["bootcmd"]
    assert one["bootcmd"][0][:2] == ["cloud-init-per", "once"]


def test_a_root_that_shall_not_grow() -> None:
    told = config(rendered({"growRoot": False}, "1"))
    assert told["growpart"] == {"mode": "off"} and told["resize_rootfs"] is False
    assert config(rendered({}, "1"))["growpart"]["mode"] == "auto"


def test_cards_are_found_by_their_mac() -> None:
    cards = [{"name": "lan0", "mac": "52:54:00:00:00:01", "address": "10.0.2.9/24",
              "gateway": "10.0.2.2", "dns": ["10.0.2.3"], "search": ["lab"]}]
    told = yaml.safe_load(rendered({"interfaces": cards}, "1").files["network-config"])
    assert told["version"] == 2
    (card,) = told["ethernets"].values()
    assert card == {
        "match": {"macaddress": "52:54:00:00:00:01"}, "set-name": "lan0", "dhcp4": False,
        "addresses": ["10.0.2.9/24"], "routes": [{"to": "0.0.0.0/0", "via": "10.0.2.2"}],
        "nameservers": {"addresses": ["10.0.2.3"], "search": ["lab"]}}
    assert "network-config" not in rendered({}, "1").files


def test_the_instance_is_another_exactly_when_something_is_to_be_done_again() -> None:
    settings = {"hostname": "web", "users": {"root": {"hash": "$6$s$h"}}}
    one = rendered(settings, "17")
    assert rendered(dict(reversed(settings.items())), "17") == one
    others = [rendered(settings, "18"), rendered({**settings, "growRoot": False}, "17"),
              rendered({**settings, "users": {"root": {"hash": "$6$s$other"}}}, "17"),
              rendered({**settings, "interfaces": [{"name": "a", "dhcp": True}]}, "17")]
    assert len({seed.instance_id for seed in (one, *others)}) == 5
    assert yaml.safe_load(one.files["meta-data"]) == {
        "instance-id": one.instance_id, "local-hostname": "web"}


def test_what_is_no_yaml_by_itself_is_quoted() -> None:
    assert user(hash="$6$s$h", authorizedKeys=['command="a: #b" ssh-ed25519 AAAA k'])[
        "ssh_authorized_keys"] == ['command="a: #b" ssh-ed25519 AAAA k']


def test_hosts_that_are_none_are_a_sentence() -> None:
    with pytest.raises(Failure, match="no IP address"):
        rendered({"hosts": [{"address": "ten", "names": ["a"]}]}, "1")


def test_a_field_nobody_renders_is_refused() -> None:
    assert refused(("hostname", "interfaces", "method", "packages")) == ["packages"]
