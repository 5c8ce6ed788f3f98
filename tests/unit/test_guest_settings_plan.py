"""What a plan makes of settings: what is undone, what stays and is said, what an image's key is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.cloud import IMAGE, brief, fake_host, plan_for, settle
from tiny_cloud import steps
from tiny_cloud.errors import Problems
from tiny_cloud.model import Plan

USER = {"shell": "/bin/sh", "sudo": "ALL=(ALL) ALL", "authorizedKeys": ["ssh-rsa AAAA"]}


def guest(**settings: Any) -> str:
    disk = {"kind": "Disk", "metadata": {"name": "root"}, "spec": {"image": "debian"}}
    box = {"kind": "Guest", "metadata": {"name": "box"}, "spec": {"disk": "root", **settings}}
    return f"{yaml.safe_dump(disk)}---\napiVersion: tinycloud/v1\n{yaml.safe_dump(box)}"


def edits_of(plan: Plan) -> list[steps.EditGuest]:
    return [step for task in plan.tasks for step in task.steps
            if isinstance(step, steps.EditGuest)]


def test_an_edit_knows_what_was_declared_before() -> None:
    host = fake_host()
    settle(host, IMAGE, guest(users={"ann": USER}, timezone="Etc/UTC"))
    plan = plan_for(host, IMAGE, guest(timezone="Etc/UTC"))
    assert brief(plan) == ["~ guest/box"]
    (edit,) = edits_of(plan)
    assert edit.before["users"] == {"ann": USER} and "users" not in edit.settings
    # Her rights go, and she stays.
    assert {diff.field for diff in plan.changes[0].diffs} == {
        "users.ann.sudo", "users.ann.authorizedKeys"}
    assert [note.text for note in plan.notes] == [
        "users.ann is declared no more, and stays in the guest as it is"]


def test_what_stays_is_said_and_nothing_is_done() -> None:
    host = fake_host()
    settle(host, IMAGE, guest(hostname="box", timezone="Etc/UTC",
                              files=[{"path": "/etc/motd", "content": "x"}]))
    plan = plan_for(host, IMAGE, guest(hostname="box"))
    assert brief(plan) == []
    assert [note.text.partition(" is ")[0] for note in plan.notes] == [
        "files[/etc/motd]", "timezone"]


def test_a_file_beside_the_manifest_is_known_by_its_content() -> None:
    host = fake_host()
    item = {"path": "/etc/motd", "source": "/srv/motd"}
    settle(host, IMAGE, guest(files=[item]))
    plan = plan_for(host, IMAGE, guest(files=[{**item, "source": "/srv/elsewhere"}]))
    (diff,) = plan.changes[0].diffs
    # The fake's digests are made of paths.
    assert (diff.field, diff.old, diff.new) == (
        "files[/etc/motd].source", "sha256:digest of /srv/motd", "sha256:digest of /srv/elsewhere")


def test_a_users_number_and_home_are_chosen_once() -> None:
    host = fake_host()
    settle(host, IMAGE, guest(users={"ann": {"home": "/srv/ann", "shell": "/bin/sh"}}))
    plan = plan_for(host, IMAGE, guest(users={"ann": {"home": "/home/ann", "shell": "/bin/bash"}}))
    (edit,) = edits_of(plan)
    assert edit.settings["users"]["ann"] == {"home": "/srv/ann", "shell": "/bin/bash"}
    assert "only for a new one" in plan.notes[0].text


@pytest.mark.parametrize(("settings", "said"), [
    ({"users": {"Root!": {"shell": "/bin/sh"}}}, "users cannot have \"Root!\""),
    ({"users": {"ann": {"sudo": "ALL"}}}, "users.ann.sudo cannot be \"ALL\""),
    ({"users": {"ann": {"sudo": "ALL=(ALL) ALL\nroot ALL=(ALL) ALL"}}}, "users.ann.sudo"),
    ({"users": {"ann": {"sudo": "ALL=(ALL) rm -rf"}}}, "users.ann.sudo"),
    ({"groups": {"a b": {"gid": 5}}}, "groups cannot have \"a b\""),
    ({"sshd": {"Match": "User x"}}, "sshd cannot have \"Match\""),
    ({"sshd": {"Port": "22\nPermitRootLogin yes"}}, "sshd.Port"),
    ({"files": [{"path": "/etc/../x", "content": ""}]}, "files[0].path cannot be"),
    ({"files": [{"path": "/etc/passwd", "content": ""}]}, "no file that users"),
    ({"files": [{"path": "/x", "content": "", "mode": "999"}]}, "files[0].mode"),
    ({"files": [{"path": "/x"}]}, "files[0] needs exactly one of"),
    ({"files": [{"path": "/x", "content": ""}, {"path": "/x", "content": ""}]}, "a second time"),
    ({"packageProxy": "http://u:p@10.0.0.1:3142"}, "packageProxy"),
    ({"timezone": "../../etc/passwd"}, "timezone"),
    ({"cmdline": ["$(reboot)"]}, "cmdline[0]"),
    ({"cmdline": ["a b"]}, "cmdline[0]"),
    ({"firstBoot": [{"name": "a/b", "content": ""}]}, "firstBoot[a/b].name"),
])
def test_what_no_system_would_take_has_its_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Problems) as caught:
        plan_for(fake_host(), IMAGE, guest(**settings))
    assert said in str(caught.value).replace("Guest.spec.", "")
    assert all(problem.span for problem in caught.value.problems)


def test_the_same_settings_are_a_machines_too() -> None:
    host = fake_host()
    machine = {"kind": "VirtualMachine", "metadata": {"name": "web"}, "spec": {
        "cpus": 1, "memory": "512MiB", "disks": [{"name": "root", "image": "debian"}],
        "guest": {"groups": {"lab": {}}, "timezone": "Etc/UTC", "sshd": {"Port": 22},
                  "firstBoot": [{"name": "a", "content": "#!/bin/sh\n"}]}}}
    (edit,) = edits_of(settle(host, IMAGE, yaml.safe_dump(machine)))
    assert set(edit.settings) == {"groups", "timezone", "sshd", "firstBoot", "growRoot"}


def image(**spec: Any) -> str:
    source = {"debootstrap": {"suite": "bookworm"}}
    return yaml.safe_dump({"kind": "Image", "metadata": {"name": "gold"},
                           "spec": {"source": source, **spec}})


def test_a_golden_image_is_written_into_before_it_is_published() -> None:
    plan = settle(fake_host(), image(guest={"timezone": "Etc/UTC"}, sysprep=["logfiles"]))
    made = [step for task in plan.tasks for step in task.steps]
    kinds = [type(step).__name__ for step in made]
    assert kinds.index("Debootstrap") < kinds.index("PrepareImage") < kinds.index("Publish")
    (prepare,) = (step for step in made if isinstance(step, steps.PrepareImage))
    assert prepare.sysprep == ("logfiles", "machine-id", "random-seed", "ssh-hostkeys")
    assert prepare.settings == {"timezone": "Etc/UTC"}
    assert "virt-sysprep" in prepare.shell()


def test_an_images_key_is_made_of_what_a_file_holds() -> None:
    def key(**guest: Any) -> str:
        plan = plan_for(fake_host(), image(guest=guest))
        return next(step.disk for task in plan.tasks for step in task.steps
                    if isinstance(step, steps.PrepareImage))

    def files(source: str) -> str:
        return key(files=[{"path": "/x", "source": source}])

    assert files("/srv/a") == files("/srv/a") != files("/srv/b")
    assert key(timezone="Etc/UTC") != key(timezone="Europe/Berlin")
