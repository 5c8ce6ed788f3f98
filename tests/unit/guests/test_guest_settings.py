"""Sudo, sshd, placed files, proxies, region, first-boot scripts, sysprep: what is written where."""

from typing import Any

import pytest
from guest_texts import ACCOUNTS, guest, made, texts
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.errors import Failure
from tiny_cloud.guests import (
    first_boot,
    package_proxy,
    placed,
    region,
    ssh,
    sshd,
    sudo,
    sysprep,
)
from tiny_cloud.guests.base import (
    File,
    Found,
    Fresh,
    MakeFolder,
    Matter,
    Remark,
    Remove,
    Symlink,
    Wish,
    WriteFile,
    without_block,
)
from tiny_cloud.guests.hosts import Hosts
from tiny_cloud.guests.shell_words import setting, with_setting

FRESH = Fresh("0" * 32, b"seed")
SUDO = {"/usr/bin/sudo": File(), "/etc/sudoers": File(content=b"@includedir /etc/sudoers.d\n")}
SSHD = {"/usr/sbin/sshd": File()}
SYSTEMD = {"/usr/lib/systemd/systemd": File()}
RULE = "ALL=(ALL) NOPASSWD: ALL"


def wished(settings: dict[str, Any], before: dict[str, Any] | None = None) -> Wish:
    return Wish(settings, before=before or {})


def result(matter: Matter, wanted: Wish, found: Found) -> dict[str, str]:
    return texts(made(matter, wanted, found))


@pytest.mark.parametrize(("matter", "settings"), [
    (sudo, {"users": {"bob": {}}}), (sshd, {"users": {}}), (placed, {}), (package_proxy, {}),
    (region, {}), (first_boot, {}), (sysprep, {}),
])
def test_what_is_not_declared_is_neither_asked_for_nor_written(
    matter: Matter, settings: dict[str, Any]
) -> None:
    assert list(matter.asks(wished(settings), guest(ACCOUNTS))) == []
    assert made(matter, wished(settings), guest(ACCOUNTS)) == []


# --- sudo ----------------------------------------------------------------------------------------

def test_rules_of_users_and_groups_are_files_that_sudo_reads() -> None:
    settings = {"users": {"koder": {"sudo": RULE}},
                "groups": {"lab": {"sudo": ["ALL=/bin/ls", "ALL=/bin/df"]}}}
    edits = made(sudo, wished(settings), guest({}, SUDO))
    assert edits[0] == MakeFolder("/etc/sudoers.d", 0o750)
    assert texts(edits) == {
        "/etc/sudoers.d/90-tinycloud-koder": f"# written by tinycloud\nkoder {RULE}\n",
        "/etc/sudoers.d/90-tinycloud-group-lab":
            "# written by tinycloud\n%lab ALL=/bin/ls\n%lab ALL=/bin/df\n"}
    assert {edit.mode for edit in edits if isinstance(edit, WriteFile)} == {0o440}


def test_a_rule_taken_out_of_the_manifest_goes() -> None:
    path = "/etc/sudoers.d/90-tinycloud-koder"
    found = guest({}, {path: File(mode=0o440)})
    assert made(sudo, wished({}, {"users": {"koder": {"sudo": RULE}}}), found) == [Remove(path)]


def test_a_guest_that_would_not_read_the_rules_is_refused() -> None:
    wanted = wished({"users": {"koder": {"sudo": RULE}}})
    with pytest.raises(Failure, match="declared for koder, and the guest has no sudo"):
        made(sudo, wanted, guest())
    with pytest.raises(Failure, match=r"does not read /etc/sudoers\.d"):
        made(sudo, wanted, guest({"/etc/sudoers": "root ALL=(ALL) ALL\n"},
                                 {"/usr/bin/sudo": File()}))


# --- sshd ----------------------------------------------------------------------------------------

INCLUDES = "# Debian's\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"
PLAIN = "# an older one\nPasswordAuthentication yes\nMatch User git\n  PermitTTY no\n"


def test_settings_of_sshd_are_a_drop_in() -> None:
    """The original's bug 3: it edited ssh_config, which is the client's."""
    wanted = wished({"sshd": {"PasswordAuthentication": False, "Port": 2222,
                              "AcceptEnv": ["LANG", "LC_*"]}})
    assert result(sshd, wanted, guest({"/etc/ssh/sshd_config": INCLUDES}, SSHD)) == {
        "/etc/ssh/sshd_config.d/10-tinycloud.conf":
            "# written by tinycloud\nPasswordAuthentication no\nPort 2222\n"
            "AcceptEnv LANG\nAcceptEnv LC_*\n"}


def test_without_an_include_they_stand_above_all_others_and_go_without_a_trace() -> None:
    settings = {"sshd": {"PasswordAuthentication": False}}
    (text,) = result(sshd, wished(settings),
                     guest({"/etc/ssh/sshd_config": PLAIN}, SSHD)).values()
    assert text.index("PasswordAuthentication no") < text.index("PasswordAuthentication yes")
    assert without_block(text) == PLAIN
    again = guest({"/etc/ssh/sshd_config": text}, SSHD)
    assert result(sshd, wished(settings), again) == {}
    assert result(sshd, wished({}, settings), again) == {"/etc/ssh/sshd_config": PLAIN}


def test_what_sshd_reads_before_ours_is_said() -> None:
    found = guest({"/etc/ssh/sshd_config": INCLUDES,
                   "/etc/ssh/sshd_config.d/05-site.conf": "passwordauthentication yes\n"}, SSHD)
    said = [edit.text for edit in sshd.edits(
        wished({"sshd": {"PasswordAuthentication": False}}), found) if isinstance(edit, Remark)]
    assert len(said) == 1 and "05-site.conf" in said[0]


def test_given_host_keys_are_written_and_no_others_stay() -> None:
    keys = {"ed25519": {"private": b"PRIVATE\n", "public": b"ssh-ed25519 AAAA\n"}}
    found = guest({"/etc/ssh/ssh_host_ed25519_key": "old", "/etc/ssh/ssh_host_dsa_key": "old"})
    edits = made(ssh, Wish({"sshHostKeys": keys}, FRESH), found)
    assert edits == [
        Remove("/etc/ssh/ssh_host_dsa_key"),
        WriteFile("/etc/ssh/ssh_host_ed25519_key", b"PRIVATE\n", 0o600, 0, 0),
        WriteFile("/etc/ssh/ssh_host_ed25519_key.pub", b"ssh-ed25519 AAAA\n", 0o644, 0, 0)]


def test_a_key_declared_no_more_goes_and_strangers_keys_stay() -> None:
    path = "/home/bob/.ssh/authorized_keys"
    there = "# mine\nssh-ed25519 AAAAold a\nfrom=\"*\" ssh-rsa AAAAkept\n"
    found = guest({**ACCOUNTS, path: there})
    before = {"users": {"bob": {"authorizedKeys": ["ssh-ed25519 AAAAold x"]}}}
    after = {path: there.replace("ssh-ed25519 AAAAold a\n", "")}
    assert result(ssh, wished({}, before), found) == after
    new = wished({"users": {"bob": {"authorizedKeys": ["ssh-ed25519 AAAAnew n"]}}}, before)
    assert result(ssh, new, found) == {path: after[path] + "ssh-ed25519 AAAAnew n\n"}


# --- files, hosts --------------------------------------------------------------------------------

def test_files_get_owner_and_mode_by_the_names_of_the_guest() -> None:
    settings = {
        "users": {"koder": {}},
        "folders": [{"path": "/srv/a/b", "owner": "koder"}, {"path": "/srv/a", "mode": "0700"}],
        "files": [{"path": "/srv/a/x", "data": b"\xff", "owner": "koder", "group": "sudo",
                   "mode": "0640"}]}
    assert made(placed, wished(settings), guest(ACCOUNTS)) == [
        MakeFolder("/srv/a", 0o700, 0, 0), MakeFolder("/srv/a/b", 0o755, 1001, 1001),
        WriteFile("/srv/a/x", b"\xff", 0o640, 1001, 27)]
    done = guest(ACCOUNTS, {"/srv/a": File("folder", mode=0o700),
                            "/srv/a/b": File("folder", mode=0o755, uid=1001, gid=1001),
                            "/srv/a/x": File("file", b"\xff", 0o640, 1001, 27)})
    assert made(placed, wished(settings), done) == []
    other = {"folders": [{"path": "/srv/a", "mode": "0750", "owner": "bob"}]}
    assert made(placed, wished(other, settings), guest(ACCOUNTS, done.files)) == [
        MakeFolder("/srv/a", 0o750, 1000, 1000, ours=True)]


@pytest.mark.parametrize(("settings", "said"), [
    ({"files": [{"path": "/x", "data": b"", "owner": "zoe"}]}, "/x is to be zoe's"),
    ({"files": [{"path": "/x", "data": b"", "group": "zoes"}]}, "of the group zoes"),
    ({"files": [{"path": "/link", "data": b""}]}, "no regular file but a symlink"),
    ({"folders": [{"path": "/link"}]}, "cannot be a folder: it is a symlink"),
    ({"folders": [{"path": "/tmp"}]}, "is in the guest already, with mode 1777"),
])
def test_what_a_place_cannot_be_is_said(settings: dict[str, Any], said: str) -> None:
    found = guest(ACCOUNTS, {"/link": File("symlink", target="/etc"),
                             "/tmp": File("folder", mode=0o1777)})
    with pytest.raises(Failure, match=said):
        made(placed, wished(settings), found)


def test_the_block_of_hosts_goes_with_its_declaration() -> None:
    plain = "127.0.0.1 localhost # here\n"
    settings = {"hosts": [{"address": "10.0.0.1", "names": ["db"]}]}
    text = result(Hosts(), wished(settings), guest({"/etc/hosts": plain}))["/etc/hosts"]
    gone = result(Hosts(), wished({}, settings), guest({"/etc/hosts": text}))
    assert gone == {"/etc/hosts": plain}


# --- proxy ---------------------------------------------------------------------------------------

URL = "http://10.0.2.2:3142"
DNF = "[main]\ngpgcheck=1\n# proxy=none\n\n[extra]\nproxy=http://other\n"


def test_apt_gets_a_file_of_its_own() -> None:
    found = guest({}, {"/etc/apt/apt.conf.d": File("folder")})
    (path, text), = result(package_proxy, wished({"packageProxy": URL}), found).items()
    assert path == "/etc/apt/apt.conf.d/90tinycloud-proxy"
    assert f'Acquire::http::Proxy "{URL}";' in text
    gone = guest({path: text}, {"/etc/apt/apt.conf.d": File("folder")})
    assert made(package_proxy, wished({}, {"packageProxy": URL}), gone) == [Remove(path)]


def test_dnf_gets_a_line_in_main_and_all_else_stays() -> None:
    found = guest({"/etc/dnf/dnf.conf": DNF}, distro="fedora")
    text = DNF.replace("[main]\n", f"[main]\nproxy={URL}\n")
    assert result(package_proxy, wished({"packageProxy": URL}), found) == {
        "/etc/dnf/dnf.conf": text}
    again = guest({"/etc/dnf/dnf.conf": text}, distro="fedora")
    assert result(package_proxy, wished({"packageProxy": URL}), again) == {}
    assert result(package_proxy, wished({}, {"packageProxy": URL}), again) == {
        "/etc/dnf/dnf.conf": DNF}
    assert package_proxy.with_main("[main]\nproxy = a\nx=1\n", "b") == "[main]\nproxy=b\nx=1\n"


lines = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


@given(lines, lines)
def test_other_lines_of_an_ini_survive_byte_for_byte(above: list[str], below: list[str]) -> None:
    below = [line for line in below if not line.startswith(("[", "proxy"))]
    text = "\n".join([*(line for line in above if not line.startswith("[main]")), "[main]",
                      *below, ""])
    new = package_proxy.with_main(text, URL)
    assert new.replace(f"\nproxy={URL}\n", "\n", 1) == text or new == text.replace(
        "[main]\n", f"[main]\nproxy={URL}\n", 1)


def test_zypper_and_apk() -> None:
    suse = 'PROXY_ENABLED="no"\nHTTP_PROXY=""\n# c\nHTTPS_PROXY=""\nNO_PROXY="localhost"\n'
    text = result(package_proxy, wished({"packageProxy": URL}),
                  guest({"/etc/sysconfig/proxy": suse}))["/etc/sysconfig/proxy"]
    assert text == (f'PROXY_ENABLED="yes"\nHTTP_PROXY="{URL}"\n# c\nHTTPS_PROXY="{URL}"\n'
                    'NO_PROXY="localhost"\n')
    assert result(package_proxy, wished({}, {"packageProxy": URL}),
                  guest({"/etc/sysconfig/proxy": text}))["/etc/sysconfig/proxy"] == suse
    assert f"export http_proxy={URL}" in result(
        package_proxy, wished({"packageProxy": URL}),
        guest({}, {"/sbin/apk": File()}))["/etc/profile.d/tinycloud-proxy.sh"]
    with pytest.raises(Failure, match="neither apt, dnf"):
        made(package_proxy, wished({"packageProxy": URL}), guest())


# --- region --------------------------------------------------------------------------------------

ZONE = {"/usr/share/zoneinfo/Europe/Berlin": File()}


def test_the_time_zone_is_a_link_and_debians_file_follows() -> None:
    wanted = wished({"timezone": "Europe/Berlin"})
    found = guest({"/etc/timezone": "Etc/UTC\n"}, ZONE)
    link = Symlink("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin")
    assert made(region, wanted, found)[0] == link
    assert result(region, wanted, found) == {"/etc/timezone": "Europe/Berlin\n"}
    there = File("symlink", target="../usr/share/zoneinfo/Europe/Berlin")
    assert made(region, wanted, guest({}, {**ZONE, "/etc/localtime": there})) == []
    with pytest.raises(Failure, match="no time zone Europe/Berlin"):
        made(region, wanted, guest())


@pytest.mark.parametrize(("files", "path", "text"), [
    ({"/etc/default/locale": "LC_TIME=C\nLANG=C\n"}, "/etc/default/locale",
     "LC_TIME=C\nLANG=en_US.UTF-8\n"),
    ({"/etc/locale.conf": ""}, "/etc/locale.conf", "LANG=en_US.UTF-8\n"),
    ({}, "/etc/default/locale", "LANG=en_US.UTF-8\n"),
    ({"/lib/ld-musl-x86_64.so.1": ""}, "/etc/profile.d/tinycloud-locale.sh",
     "# written by tinycloud\nexport LANG=en_US.UTF-8\n"),
])
def test_each_system_has_its_place_for_the_language(
    files: dict[str, str], path: str, text: str
) -> None:
    assert result(region, wished({"locale": "en_US.UTF-8"}), guest(files)) == {path: text}


def test_a_locale_that_has_to_be_made_is_said_so() -> None:
    listed = "# list\n# en_US.UTF-8 UTF-8\n# de_DE.UTF-8 UTF-8  \n"
    found = guest({"/etc/default/locale": "", "/etc/locale.gen": listed})
    edits = list(region.edits(wished({"locale": "en_US.UTF-8"}), found))
    assert texts([e for e in edits if not isinstance(e, Remark)])["/etc/locale.gen"] == (
        "# list\nen_US.UTF-8 UTF-8\n# de_DE.UTF-8 UTF-8  \n")
    assert [e for e in edits if isinstance(e, Remark)]
    assert result(region, wished({"locale": "C.UTF-8"}), found) == {
        "/etc/default/locale": "LANG=C.UTF-8\n"}


def test_the_keyboard() -> None:
    found = guest({"/etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="us"\n'})
    assert result(region, wished({"keymap": "de"}), found) == {
        "/etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="de"\n'}
    assert result(region, wished({"keymap": "de"}), guest({"/etc/vconsole.conf": ""})) == {
        "/etc/vconsole.conf": "KEYMAP=de\n"}
    with pytest.raises(Failure, match="nothing in the guest reads one"):
        made(region, wished({"keymap": "de"}), guest())


@given(lines, lines)
def test_other_settings_survive_byte_for_byte(before: list[str], after: list[str]) -> None:
    others = [[line for line in some if not line.removeprefix("export").strip().startswith("LANG=")]
              for some in (before, after)]
    text = "\n".join([*others[0], "LANG=C", *others[1], ""])
    new = with_setting(text, "LANG", "de_DE.UTF-8")
    assert new == "\n".join([*others[0], "LANG=de_DE.UTF-8", *others[1], ""])
    assert setting(new, "LANG") == "de_DE.UTF-8"


# --- first boot ----------------------------------------------------------------------------------

def scripts(*names: str) -> dict[str, Any]:
    return {"firstBoot": [{"name": name, "data": f"#!/bin/sh\n# {name}\n".encode()}
                          for name in names]}


def applied(found: Found, wanted: Wish) -> Found:
    """The guest after the edits."""
    files = dict(found.files)
    for edit in made(first_boot, wanted, found):
        if isinstance(edit, Remove):
            files.pop(edit.path, None)
        elif isinstance(edit, WriteFile):
            files[edit.path] = File("file", edit.content, edit.mode or 0o644)
        elif isinstance(edit, Symlink):
            files[edit.path] = File("symlink", target=edit.target)
    return Found(found.distro, found.version, found.product, files)


def test_scripts_keep_their_order_and_have_a_unit() -> None:
    done = applied(guest({}, SYSTEMD), wished(scripts("b", "a")))
    assert [path for path in done.files if path.startswith(first_boot.SCRIPTS)] == [
        f"{first_boot.SCRIPTS}/000-b", f"{first_boot.SCRIPTS}/001-a"]
    assert done.files[first_boot.WANTED].target == first_boot.UNIT
    assert made(first_boot, wished(scripts("b", "a")), done) == [
        edit for edit in made(first_boot, wished(scripts("b", "a")), done)
        if isinstance(edit, MakeFolder)]


def test_one_that_moves_in_the_order_is_there_once() -> None:
    done = applied(guest({}, SYSTEMD), wished(scripts("b", "a")))
    moved = applied(done, wished(scripts("a"), scripts("b", "a")))
    assert [path for path in moved.files if path.startswith(f"{first_boot.SCRIPTS}/")] == [
        f"{first_boot.SCRIPTS}/000-a"]


def test_with_the_last_script_the_unit_goes_but_not_under_those_of_the_image() -> None:
    done = applied(guest({}, SYSTEMD), wished(scripts("b")))
    assert applied(done, wished({}, scripts("b"))).files == SYSTEMD
    image = f"{first_boot.SCRIPTS}/000-image"
    both = Found(done.distro, files={**done.files, image: File()})
    assert first_boot.UNIT in applied(both, wished({}, scripts("b"))).files


def test_a_clone_has_run_nothing_yet() -> None:
    stamp = f"{first_boot.STAMPS}/b"
    found = guest({stamp: "0\n"}, SYSTEMD)
    assert Remove(stamp) in made(first_boot, Wish(scripts("b"), FRESH), found)
    assert Remove(stamp) not in made(first_boot, wished(scripts("b")), found)


def test_openrc_runs_them_by_local_d() -> None:
    done = applied(guest({}, {"/sbin/openrc": File()}), wished(scripts("a")))
    assert done.files[first_boot.LOCAL].mode == 0o755
    assert done.files[first_boot.LOCAL_SERVICE].target == "/etc/init.d/local"
    with pytest.raises(Failure, match="neither systemd nor OpenRC"):
        made(first_boot, wished(scripts("a")), guest())


# --- sysprep -------------------------------------------------------------------------------------

def test_sysprep_removes_what_it_is_told_and_lists_it() -> None:
    found = guest({"/etc/machine-id": "a" * 32, "/var/lib/dbus/machine-id": "a" * 32,
                   "/etc/ssh/ssh_host_rsa_key": "key", "/var/log/syslog": "x",
                   "/root/.bash_history": "secret"})
    wanted = wished({"sysprep": ["machine-id", "ssh-hostkeys"]})
    edits = list(sysprep.edits(wanted, found))
    assert [edit for edit in edits if not isinstance(edit, Remark)] == [
        WriteFile("/etc/machine-id", b"", 0o444, 0, 0),
        Symlink("/var/lib/dbus/machine-id", "/etc/machine-id"),
        Remove("/etc/ssh/ssh_host_rsa_key")]
    assert [edit.text for edit in edits if isinstance(edit, Remark)] == [
        "sysprep machine-id: removes /etc/machine-id, /var/lib/dbus/machine-id",
        "sysprep ssh-hostkeys: removes /etc/ssh/ssh_host_rsa_key"]


def test_folders_stay_and_nothing_goes_twice() -> None:
    found = guest({"/var/log/wtmp": "x", "/var/log/apt/term.log": "x"},
                  {"/var/log/apt": File("folder"), "/var/log/fifo": File("special file")})
    wanted = wished({"sysprep": list(sysprep.OPERATIONS)})
    assert [edit.path for edit in made(sysprep, wanted, found)] == [
        "/var/log/apt/term.log", "/var/log/wtmp"]
