"""SELinux labels of new files, by the guest's own rules: selabel_file(5), file_contexts(5)."""

from __future__ import annotations

import pytest
from guest_texts import guest

from tiny_cloud.guests import labels
from tiny_cloud.guests.base import Edit, File, Found, MakeFolder, Remark, Remove, Symlink, WriteFile

FOLDER = "/etc/selinux/targeted/contexts/files"
ON = {"/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n"}
RULES = """\
# comment
/.*\tsystem_u:object_r:default_t:s0
/etc/.*\tsystem_u:object_r:etc_t:s0
/etc/ssh(/.*)?\tsystem_u:object_r:sshd_t:s0
/etc/ssh/none\t<<none>>
/etc/foo?\t--\tsystem_u:object_r:foo_t:s0
/etc/(?<bad\tsystem_u:object_r:bad_t:s0
/var/lib/x\t-d\tsystem_u:object_r:x_t:s0
/etc/[ab]|/opt/b\tsystem_u:object_r:either_t:s0
"""


def of(edit: WriteFile | MakeFolder | Symlink, **more: str) -> str:
    texts = {**ON, f"{FOLDER}/file_contexts": RULES, **more}
    (made,) = labels.labelled([edit], guest(texts))
    assert isinstance(made, WriteFile | MakeFolder | Symlink)
    return made.label.removeprefix("system_u:object_r:").removesuffix(":s0")


@pytest.mark.parametrize(("edit", "label"), [
    (WriteFile("/srv/x", b""), "default_t"),
    (WriteFile("/etc/x", b""), "etc_t"),
    (MakeFolder("/etc/ssh"), "sshd_t"),
    (Symlink("/etc/ssh/x", "y"), "sshd_t"),
    (WriteFile("/etc/ssh/none", b""), ""),
    (WriteFile("/etc/fo", b""), "foo_t"),
    (MakeFolder("/etc/foo"), "etc_t"),
    (WriteFile("/var/lib/x", b""), "default_t"),
    (WriteFile("/opt/b", b""), "either_t"),
])
def test_the_last_rule_that_fits_counts(
    edit: WriteFile | MakeFolder | Symlink, label: str
) -> None:
    assert of(edit) == label


def test_local_rules_come_last_and_aliases_first() -> None:
    local = {f"{FOLDER}/file_contexts.local": "/etc/x\tsystem_u:object_r:mine_t:s0\n"}
    assert of(WriteFile("/etc/x", b""), **local) == "mine_t"
    alias = {f"{FOLDER}/file_contexts.subs_dist": "/opt/etc /etc\n"}
    assert of(WriteFile("/opt/etc/x", b""), **alias) == "etc_t"


def test_what_is_there_keeps_its_label() -> None:
    found = guest({**ON, f"{FOLDER}/file_contexts": RULES, "/etc/x": "old"})
    edits: list[Edit | Remark] = [WriteFile("/etc/x", b"new"), Remove("/etc/y"), Remark("z")]
    assert list(labels.labelled(edits, found)) == edits


@pytest.mark.parametrize("config", [
    "", "SELINUX=disabled\nSELINUXTYPE=targeted\n", "#SELINUX=enforcing\n",
])
def test_a_guest_without_selinux_gets_none(config: str) -> None:
    found = guest({"/etc/selinux/config": config, f"{FOLDER}/file_contexts": RULES})
    assert list(labels.asks(found)) == [labels.CONFIG]
    assert list(labels.labelled([WriteFile("/etc/x", b"")], found)) == [WriteFile("/etc/x", b"")]


@pytest.mark.parametrize("rules", [{}, {f"{FOLDER}/file_contexts": File(refused="too large")}])
def test_without_rules_the_guest_labels_itself(rules: dict[str, File]) -> None:
    found: Found = guest(ON, rules)
    made = list(labels.labelled([WriteFile("/etc/x", b"")], found))
    assert isinstance(made[0], Remark)
    assert made[1:] == [WriteFile("/.autorelabel", b""), WriteFile("/etc/x", b"")]
    assert list(labels.labelled([Remove("/etc/y")], found)) == [Remove("/etc/y")]
