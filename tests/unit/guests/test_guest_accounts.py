import pytest
from guest_texts import ACCOUNTS, GROUP, GSHADOW, PASSWD, SHADOW, guest, made, texts, wish
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.errors import Failure
from tiny_cloud.guests import accounts, homes
from tiny_cloud.guests.base import File, MakeFolder, Symlink, WriteFile
from tiny_cloud.guests.tables import Table

HASH = "$y$j9T$salt$hash"


def written(users: dict[str, dict[str, object]], **changed: str) -> dict[str, str]:
    paths = {f"/etc/{name}": text for name, text in changed.items()}
    return texts(made(accounts, wish(users=users), guest({**ACCOUNTS, **paths})))


def test_every_account_that_is_not_named_keeps_its_shadow_line() -> None:
    """The original's bug 1: all others were dropped."""
    assert written({"root": {"hash": HASH}}) == {
        "/etc/shadow": SHADOW.replace("root:*:19700", f"root:{HASH}:20000"),
    }


def test_a_hash_that_is_there_changes_nothing() -> None:
    assert written({"bob": {"hash": "$6$salt$hash"}}) == {}


def test_a_new_user_comes_whole_and_its_number_is_no_text() -> None:
    """The original's bug 4: as text, 999 is the highest; no group; the home was never chowned."""
    users = {"koder": {"hash": HASH, "groups": ["sudo", "users"]}}
    assert written(users) == {
        "/etc/shadow": f"{SHADOW}koder:{HASH}:20000:0:99999:7:::\n",
        "/etc/gshadow": "root:*::\nsudo:*::bob,koder\nusers:*::koder\nann:!::\nbob:!::\n"
                        "nogroup:*::\nkoder:!::\n",
        "/etc/group": "root:x:0:\nsudo:x:27:bob,koder\nusers:x:100:koder\nann:x:999:\n"
                      "bob:x:1000:\nnogroup:x:65534:\nkoder:x:1001:\n",
        "/etc/passwd": f"{PASSWD}koder:x:1001:1001::/home/koder:/bin/bash\n",
    }


def test_the_passwd_file_is_the_last_to_be_written() -> None:
    edits = made(accounts, wish(users={"koder": {}}), guest(ACCOUNTS))
    assert isinstance(edits[-1], WriteFile) and edits[-1].path == "/etc/passwd"


def test_a_new_user_without_a_password_is_locked() -> None:
    assert written({"koder": {}})["/etc/shadow"].endswith("\nkoder:!:20000:0:99999:7:::\n")


def test_the_home_of_a_new_user_is_theirs_with_all_that_is_in_it() -> None:
    found = guest(ACCOUNTS, {
        "/etc/skel/.profile": File(content=b"PATH=x\n", mode=0o644),
        "/etc/skel/.config": File("folder", mode=0o755),
        "/etc/skel/.config/rc": File(content=b"rc", mode=0o600),
        "/etc/skel/link": File("symlink", target=".profile"),
    })
    assert made(homes, wish(users={"koder": {}, "bob": {}}), found) == [
        MakeFolder("/home/koder", 0o750, 1001, 1001),
        MakeFolder("/home/koder/.config", 0o755, 1001, 1001),
        WriteFile("/home/koder/.config/rc", b"rc", 0o600, 1001, 1001),
        WriteFile("/home/koder/.profile", b"PATH=x\n", 0o644, 1001, 1001),
        Symlink("/home/koder/link", ".profile", 1001, 1001),
    ]


def test_folders_of_the_skeleton_are_asked_for_as_they_turn_up() -> None:
    wanted = wish(users={"koder": {}, "bob": {}})
    found = guest(ACCOUNTS, {"/etc/skel/.config": File("folder")})
    assert set(homes.asks(wanted, found)) == {
        "/etc/skel/*", "/etc/skel/.[!.]*", "/etc/skel/.config/*", "/etc/skel/.config/.[!.]*",
        "/home/koder",
    }


def test_a_home_that_is_somebody_elses_is_no_home() -> None:
    found = guest(ACCOUNTS, {"/home/koder": File("folder", uid=1000)})
    with pytest.raises(Failure, match="of uid 1000"):
        made(homes, wish(users={"koder": {}}), found)


def test_a_home_left_by_a_killed_run_is_taken() -> None:
    found = guest(ACCOUNTS, {"/home/koder": File("folder", uid=1001, gid=1001)})
    assert made(homes, wish(users={"koder": {}}), found) == []


def test_a_group_left_by_a_killed_run_is_taken() -> None:
    passwd = written({"koder": {}}, group=f"{GROUP}koder:x:1001:\n")["/etc/passwd"]
    assert passwd.endswith("koder:x:1001:1001::/home/koder:/bin/bash\n")


def test_a_gid_that_is_used_is_passed_over() -> None:
    result = written({"koder": {"uid": 1500}}, group=f"{GROUP}staff:x:1500:\n")
    assert result["/etc/passwd"].endswith("koder:x:1500:1501::/home/koder:/bin/bash\n")
    assert result["/etc/group"].endswith("koder:x:1501:\n")


def test_a_full_range_is_searched_for_a_gap() -> None:
    passwd = f"{PASSWD}last:x:60000:60000::/:/bin/sh\n"
    assert "koder:x:1001:" in written({"koder": {}}, passwd=passwd)["/etc/passwd"]


def test_an_empty_second_field_of_passwd_would_need_no_password() -> None:
    result = written({"root": {"hash": HASH}}, passwd=PASSWD.replace("root:x:", "root::"))
    assert result["/etc/passwd"] == PASSWD


def test_an_account_without_a_shadow_line_gets_one() -> None:
    result = written({"bob": {"hash": HASH}}, shadow="root:*:1:0:99999:7:::")
    assert result["/etc/shadow"] == f"root:*:1:0:99999:7:::\nbob:{HASH}:20000:0:99999:7:::\n"


def test_a_shell_is_changed_in_its_place() -> None:
    assert written({"bob": {"shell": "/bin/sh"}}) == {
        "/etc/passwd": PASSWD.replace("/home/bob:/bin/bash", "/home/bob:/bin/sh"),
    }


@pytest.mark.parametrize(("name", "user", "said"), [
    ("koder", {"groups": ["wheel"]}, "group wheel, which the guest does not have"),
    ("koder", {"shell": "/bin/zsh"}, "shell /bin/zsh, which the guest does not have"),
    ("koder", {"uid": 1000}, "cannot have uid 1000"),
    ("bob", {"uid": 1234}, "has uid 1000 in the guest, not 1234"),
    ("sudo", {}, "has a group sudo already"),
    ("koder", {"hash": "x:y"}, "cannot be written"),
    ("koder", {"hash": "x\ntoor::0:0:::"}, "cannot be written"),
])
def test_what_the_guest_cannot_be_is_said(name: str, user: dict[str, object], said: str) -> None:
    with pytest.raises(Failure, match=said):
        written({name: user})


def test_without_users_nothing_is_read_or_written() -> None:
    wanted = wish(hostname="web")
    assert (tuple(accounts.asks(wanted, guest())), made(accounts, wanted, guest())) == ((), [])


def test_the_guest_may_keep_no_group_passwords() -> None:
    files = {path: text for path, text in ACCOUNTS.items() if path != "/etc/gshadow"}
    edits = made(accounts, wish(users={"koder": {"groups": ["sudo"]}}), guest(files))
    assert set(texts(edits)) == {"/etc/shadow", "/etc/group", "/etc/passwd"}


def test_numbers_that_are_none_are_ignored() -> None:
    hostile = f"{PASSWD}a:x:{'9' * 5000}:1::/:/bin/sh\nb:x:²:1::/:/bin/sh\n"
    assert "\nkoder:x:1001:1001:" in written({"koder": {}}, passwd=hostile)["/etc/passwd"]


lines = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


@given(lines, lines)
def test_lines_that_nobody_asked_about_survive_byte_for_byte(
    before: list[str], after: list[str]
) -> None:
    own = "bob:$6$salt$hash:19701:0:99999:7:::"
    strangers = [line for line in before if not line.startswith("bob:")]
    text = "\n".join([*strangers, own, *after, ""])
    result = written({"bob": {"hash": HASH}}, shadow=text)["/etc/shadow"]
    assert result == "\n".join([*strangers, f"bob:{HASH}:20000:0:99999:7:::", *after, ""])


def test_bytes_that_are_no_text_survive() -> None:
    raw = b"caf\xe9:x:5:5:\xff\xfe:/:/bin/sh\n"
    found = guest(ACCOUNTS, {"/etc/passwd": File(content=PASSWD.encode() + raw)})
    edits = made(accounts, wish(users={"koder": {}}), found)
    passwd = next(edit for edit in edits if isinstance(edit, WriteFile)
                  and edit.path == "/etc/passwd")
    assert passwd.content.startswith(PASSWD.encode() + raw)


def test_nis_lines_and_comments_are_no_rows() -> None:
    table = Table.parse("+bob::::::\n#bob:x:1:1::/:/bin/sh\nbob:x\n" + PASSWD, 7)
    assert table.row("bob") == ["bob", "x", "1000", "1000", "Bob,,,", "/home/bob", "/bin/bash"]
    assert table.row("+bob") is None


def test_gshadow_without_the_group_is_left_alone() -> None:
    result = written({"bob": {"groups": ["users"]}}, gshadow=GSHADOW.replace("users:*::\n", ""))
    assert set(result) == {"/etc/group"}
