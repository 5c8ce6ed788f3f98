"""Guests into which something cannot be written, and the sentence that says so."""

import pytest
from guest_texts import ACCOUNTS, CARD, PASSWD, guest, made, wish

from tiny_cloud.errors import Failure
from tiny_cloud.guests import accounts, sshd
from tiny_cloud.guests.account_files import next_number, person_of, read
from tiny_cloud.guests.base import File
from tiny_cloud.guests.networking import ifupdown


def test_an_account_that_makes_no_sense() -> None:
    texts = {**ACCOUNTS, "/etc/passwd": PASSWD.replace("bob:x:1000:1000", "bob:x:many:1000")}
    with pytest.raises(Failure, match="the guest's /etc/passwd has no proper row for the user bob"):
        person_of(read(guest(texts)), "bob")


def test_a_guest_whose_numbers_are_all_taken() -> None:
    texts = {**ACCOUNTS, "/etc/login.defs": "UID_MIN 1000\nUID_MAX 1000\n"}
    with pytest.raises(Failure, match="no free number between 1000 and 1000 for the user koder"):
        next_number(read(guest(texts)), "UID", {1000}, system=False, who="the user koder")
    with pytest.raises(Failure, match="no free number between 1000 and 1000 for"):
        made(accounts, wish(users={"koder": {}}), guest(texts))


def test_settings_of_a_server_that_is_not_there() -> None:
    with pytest.raises(Failure, match="settings of sshd are declared, and the guest has no SSH"):
        made(sshd, wish(sshd={"PermitRootLogin": "no"}), guest(ACCOUNTS))


def test_an_ifup_that_knows_less() -> None:
    busybox = {"/sbin/ifup": File("symlink", target="/bin/busybox")}
    with pytest.raises(Failure, match="the guest's ifup is busybox's, which knows less"):
        made(ifupdown, wish(interfaces=[CARD]), guest({}, busybox))
