from guest_texts import ACCOUNTS, CARD, guest, made, texts, wish

from tiny_cloud.guests import cloud_init, identity, ssh
from tiny_cloud.guests.base import (
    File,
    Fresh,
    MakeFolder,
    Remark,
    Remove,
    Symlink,
    WriteFile,
)

KEYS = {"/etc/ssh/ssh_host_ed25519_key": (b"private", 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": (b"public", 0o644)}
FRESH = Fresh("0123456789abcdef0123456789abcdef", b"seed", KEYS)
BOB = "ssh-ed25519 AAAAC3bob bob@laptop"


def test_a_fresh_machine_gets_an_identity_of_its_own() -> None:
    found = guest({"/etc/machine-id": "old\n", "/var/lib/dbus/machine-id": "old\n"},
                  {"/var/lib/systemd": File("folder")})
    assert made(identity, wish(FRESH), found) == [
        WriteFile("/etc/machine-id", b"0123456789abcdef0123456789abcdef\n", 0o444, 0, 0),
        Symlink("/var/lib/dbus/machine-id", "/etc/machine-id"),
        WriteFile("/var/lib/systemd/random-seed", b"seed", 0o600, 0, 0),
    ]


def test_a_machine_that_has_booted_keeps_its_identity() -> None:
    found = guest({"/etc/machine-id": "old\n", "/etc/ssh/ssh_host_rsa_key": "key"})
    assert made(identity, wish(), found) == []
    assert made(ssh, wish(), found) == []


def test_host_keys_are_new_and_old_kinds_go() -> None:
    found = guest({path: "old" for path in (*KEYS, "/etc/ssh/ssh_host_dsa_key")})
    assert made(ssh, wish(FRESH), found) == [
        Remove("/etc/ssh/ssh_host_dsa_key"),
        WriteFile("/etc/ssh/ssh_host_ed25519_key", b"private", 0o600, 0, 0),
        WriteFile("/etc/ssh/ssh_host_ed25519_key.pub", b"public", 0o644, 0, 0),
    ]


def test_which_keys_a_server_needs() -> None:
    assert ssh.host_key_types(guest()) == ()
    assert ssh.host_key_types(guest({}, {"/usr/sbin/sshd": File()})) == ("rsa", "ecdsa", "ed25519")
    assert ssh.host_key_types(guest({"/etc/ssh/ssh_host_ecdsa_key": "x"})) == ("ecdsa",)


def test_the_clients_configuration_is_never_touched() -> None:
    """The original's bug 3: it edited ssh_config where sshd_config was meant."""
    found = guest({**ACCOUNTS, "/etc/ssh/ssh_config": "Host *\n", "/etc/ssh/sshd_config": "x\n"},
                  {"/usr/sbin/sshd": File()})
    wanted = wish(FRESH, users={"root": {"hash": "x", "authorizedKeys": [BOB]}})
    paths = {edit.path for edit in made(ssh, wanted, found)}
    assert paths == {*KEYS, "/root/.ssh", "/root/.ssh/authorized_keys"}


def test_authorized_keys_are_merged() -> None:
    path = "/home/bob/.ssh/authorized_keys"
    wanted = wish(users={"bob": {"authorizedKeys": [BOB, "ssh-rsa AAAAB3new n"]}})
    assert set(ssh.asks(wanted, guest(ACCOUNTS))) == {"/home/bob/.ssh", path}
    old = "# mine\nrestrict,command=\"x\" ssh-ed25519 AAAAC3bob other comment\nssh-rsa AAAAB3old"
    assert texts(made(ssh, wanted, guest({**ACCOUNTS, path: old}))) == {
        path: f"{old}\nssh-rsa AAAAB3new n\n"}
    assert made(ssh, wanted, guest(ACCOUNTS)) == [
        MakeFolder("/home/bob/.ssh", 0o700, 1000, 1000),
        WriteFile(path, f"{BOB}\nssh-rsa AAAAB3new n\n".encode(), 0o600, 1000, 1000),
    ]
    whole = f"{BOB}\nssh-rsa AAAAB3new n\n"
    assert made(ssh, wanted, guest({**ACCOUNTS, path: whole})) == []


def test_a_new_users_keys_are_theirs() -> None:
    edits = made(ssh, wish(users={"koder": {"authorizedKeys": [BOB]}}), guest(ACCOUNTS))
    assert edits[-1] == WriteFile(
        "/home/koder/.ssh/authorized_keys", f"{BOB}\n".encode(), 0o600, 1001, 1001)


CLOUDY = {"/usr/bin/cloud-init": File("symlink")}


def test_cloud_init_is_switched_off_and_what_it_generated_goes() -> None:
    found = guest({"/etc/netplan/50-cloud-init.yaml": "network: {}\n",
                   "/etc/network/interfaces.d/50-cloud-init": "auto eth0\n",
                   "/etc/netplan/60-mine.yaml": "network: {}\n"}, CLOUDY)
    edits = list(cloud_init.edits(wish(interfaces=[CARD]), found))
    assert any(isinstance(edit, Remark) and "switched off" in edit.text for edit in edits)
    removed = {edit.path for edit in edits if isinstance(edit, Remove)}
    assert removed == {"/etc/netplan/50-cloud-init.yaml",
                       "/etc/network/interfaces.d/50-cloud-init"}
    result = texts([edit for edit in edits if not isinstance(edit, Remark)])
    assert set(result) == {"/etc/cloud/cloud-init.disabled",
                           "/etc/cloud/cloud.cfg.d/99-tinycloud.cfg"}
    config = result["/etc/cloud/cloud.cfg.d/99-tinycloud.cfg"]
    assert "preserve_hostname: true\n" in config and "network: {config: disabled}\n" in config


def test_without_interfaces_cloud_init_keeps_the_network() -> None:
    edits = list(cloud_init.edits(wish(hostname="web"), guest({}, CLOUDY)))
    result = texts([edit for edit in edits if not isinstance(edit, Remark)])
    assert set(result) == {"/etc/cloud/cloud.cfg.d/99-tinycloud.cfg"}
    assert "network:" not in result["/etc/cloud/cloud.cfg.d/99-tinycloud.cfg"]


def test_without_cloud_init_there_is_nothing_to_keep_it_from() -> None:
    assert list(cloud_init.edits(wish(interfaces=[CARD]), guest())) == []
