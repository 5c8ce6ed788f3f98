"""Groups whole, and how accounts log in."""

from typing import Any

import pytest
from guest_texts import ACCOUNTS, GROUP, GSHADOW, PASSWD, SHADOW, guest, made, texts

from tiny_cloud.errors import Failure
from tiny_cloud.guests import accounts, homes
from tiny_cloud.guests.base import Wish

HASH = "$6$salt$hash"


def written(
    settings: dict[str, Any], before: dict[str, Any] | None = None, **changed: str
) -> dict[str, str]:
    paths = {f"/etc/{name}": text for name, text in changed.items()}
    wanted = Wish(settings, today=20000, before=before or {})
    return texts(made(accounts, wanted, guest({**ACCOUNTS, **paths})))


def test_a_group_is_made_whole_and_the_others_stay() -> None:
    assert written({"groups": {"lab": {"gid": 2100, "members": ["bob", "ann"]}}}) == {
        "/etc/group": f"{GROUP}lab:x:2100:bob,ann\n", "/etc/gshadow": f"{GSHADOW}lab:!::bob,ann\n"}


def test_a_system_group_is_numbered_downwards() -> None:
    """ann's own group has 999 already."""
    assert written({"groups": {"lab": {"system": True}}})["/etc/group"] == f"{GROUP}lab:x:998:\n"


def test_a_user_may_ask_for_a_group_that_is_made_in_the_same_go() -> None:
    result = written({"groups": {"lab": {"gid": 2100}},
                      "users": {"koder": {"group": "lab", "groups": ["lab"]}}})
    assert result["/etc/passwd"] == f"{PASSWD}koder:x:1001:2100::/home/koder:/bin/bash\n"
    assert result["/etc/group"] == f"{GROUP}lab:x:2100:koder\n"


def test_who_is_declared_no_more_leaves_a_group_and_who_never_was_stays() -> None:
    before = {"users": {"ann": {"groups": ["sudo"]}}, "groups": {"users": {"members": ["ann"]}}}
    there = GROUP.replace("sudo:x:27:bob", "sudo:x:27:bob,ann").replace("100:", "100:ann")
    shadow = GSHADOW.replace("sudo:*::bob", "sudo:*::bob,ann").replace("users:*::", "users:*::ann")
    assert written({}, before, group=there, gshadow=shadow) == {
        "/etc/group": GROUP, "/etc/gshadow": GSHADOW}
    # Declared elsewhere by now: nothing changes.
    still = {"users": {"ann": {"groups": ["sudo", "users"]}}}
    assert written(still, before, group=there, gshadow=shadow) == {}


@pytest.mark.parametrize(("settings", "said"), [
    ({"groups": {"sudo": {"gid": 28}}}, "group sudo has gid 27 in the guest, not 28"),
    ({"groups": {"lab": {"gid": 27}}}, "group lab cannot have gid 27"),
    ({"groups": {"lab": {"members": ["zoe"]}}}, "is to have the member zoe, who is no user"),
    ({"users": {"bob": {"home": "/srv/bob"}}}, "has the home /home/bob in the guest"),
    ({"users": {"bob": {"group": "users"}}}, "has the group 1000 in the guest, not 100"),
    ({"users": {"koder": {"comment": "a:b"}}}, "cannot be written"),
])
def test_what_cannot_be_is_said(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Failure, match=said):
        written(settings)


def test_a_system_user_has_a_low_number_and_no_home() -> None:
    users = {"job": {"system": True, "home": "/srv/job", "comment": "Nightly"}}
    # 999 is ann's.
    assert written({"users": users})["/etc/passwd"] == (
        f"{PASSWD}job:x:998:998:Nightly:/srv/job:/bin/bash\n")
    wanted = Wish({"users": users})
    assert made(homes, wanted, guest(ACCOUNTS)) == []
    assert set(homes.asks(Wish({"users": {"job": {**users["job"], "createHome": True}}}),
                          guest(ACCOUNTS))) >= {"/srv/job"}


def row(settings: dict[str, Any], was: dict[str, Any], shadow: str = HASH) -> str:
    line = f"bob:{shadow}:19701:0:99999:7:::"
    result = written({"users": {"bob": settings}}, {"users": {"bob": was}},
                     shadow=SHADOW.replace("bob:$6$salt$hash:19701:0:99999:7:::", line))
    text = result.get("/etc/shadow", f"{line}\n")
    return next(one for one in text.split("\n") if one.startswith("bob:"))


@pytest.mark.parametrize(("settings", "was", "before", "after", "day"), [
    ({"locked": True}, {}, HASH, f"!{HASH}", 20000),
    ({"locked": True}, {}, f"!{HASH}", f"!{HASH}", 19701),
    ({"locked": False}, {}, f"!{HASH}", HASH, 20000),
    ({"shell": "/bin/sh"}, {"locked": True}, f"!{HASH}", HASH, 20000),
    ({"shell": "/bin/sh"}, {}, f"!{HASH}", f"!{HASH}", 19701),
    ({"locked": False}, {}, "!", "!", 19701),
    ({"locked": True, "hash": "$y$a"}, {}, HASH, "!$y$a", 20000),
    ({"hash": "$y$a"}, {"locked": True}, "!$y$a", "$y$a", 20000),
    ({"expired": True}, {}, HASH, HASH, 0),
    # Changed at the login since: it is not asked for again.
    ({"expired": True}, {"expired": True}, HASH, HASH, 19701),
    ({"expired": True, "hash": "$y$new"}, {"expired": True}, HASH, "$y$new", 0),
])
def test_locks_and_expiry(
    settings: dict[str, Any], was: dict[str, Any], before: str, after: str, day: int
) -> None:
    assert row(settings, was, before) == f"bob:{after}:{day}:0:99999:7:::"
