"""The kernel's command line, where the boot loader reads it and where its menu is made."""

import pytest
from guest_texts import guest, made, texts
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.errors import Failure
from tiny_cloud.guests import boot_loader
from tiny_cloud.guests.base import File, Found, Remove, Wish, WriteFile

MENU = """\
# made by grub-mkconfig
menuentry 'Debian' {
\tlinux\t/boot/vmlinuz-6.1 root=UUID=a ro  quiet
\tinitrd /boot/initrd.img-6.1
}
submenu 'older' {
\tlinux\t/boot/vmlinuz-6.0 root=UUID=a ro single
}
"""
DEFAULT = 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX=""\n'
DEBIAN = {"/boot/grub/grub.cfg": MENU, "/etc/default/grub": DEFAULT}
FOLDER = {"/etc/default/grub.d": File("folder")}
WORDS = ["console=ttyS0", "quiet"]


def applied(found: Found, words: list[str], before: list[str] | None = None) -> Found:
    files = dict(found.files)
    wanted = Wish({"cmdline": words} if words else {}, before={"cmdline": before or []})
    for edit in made(boot_loader, wanted, found):
        if isinstance(edit, Remove):
            del files[edit.path]
        elif isinstance(edit, WriteFile):
            files[edit.path] = File(content=edit.content)
    return Found(found.distro, found.version, found.product, files)


def test_debians_grub_gets_the_words_now_and_for_later() -> None:
    found = guest(DEBIAN, FOLDER)
    result = texts(made(boot_loader, Wish({"cmdline": ["console=ttyS0"]}), found))
    assert result == {
        "/boot/grub/grub.cfg": MENU.replace("ro  quiet", "ro  quiet console=ttyS0").replace(
            "ro single", "ro single console=ttyS0"),
        "/etc/default/grub.d/90-tinycloud.cfg":
            "# written by tinycloud\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX console=ttyS0\"\n"}


@pytest.mark.parametrize("files", [
    DEBIAN,
    {"/boot/grub2/grub.cfg": "blscfg\n", "/etc/default/grub": DEFAULT,
     "/boot/loader/entries/a.conf": "title Fedora\noptions root=UUID=a ro rhgb quiet\n"},
    {"/boot/extlinux.conf": "LABEL lts\n  LINUX vmlinuz-lts\n  APPEND root=UUID=a quiet\n",
     "/etc/update-extlinux.conf": "default_kernel_opts=\"quiet\"\n",
     "/etc/inittab": "::sysinit:/sbin/openrc sysinit\ntty1::respawn:/sbin/getty 38400 tty1\n"},
])
@pytest.mark.parametrize("folder", [{}, FOLDER])
def test_it_is_written_once_and_gone_without_a_trace(
    files: dict[str, str], folder: dict[str, File]
) -> None:
    found = guest(files, folder)
    once = applied(found, WORDS)
    assert once != found
    assert made(boot_loader, Wish({"cmdline": WORDS}), once) == []
    assert applied(once, [], WORDS) == found
    # What the image had by itself stays on its lines.
    assert applied(applied(once, ["quiet"], WORDS), [], ["quiet"]) == found


def test_alpine_gets_a_login_on_its_serial_console() -> None:
    found = guest({"/boot/extlinux.conf": "APPEND root=a\n", "/etc/inittab": "# none\n",
                   "/etc/update-extlinux.conf": ""})
    inittab = texts(made(boot_loader, Wish({"cmdline": ["console=ttyS0,115200"]}), found))[
        "/etc/inittab"]
    assert "ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100\n" in inittab


def test_without_a_boot_loader_that_we_know_it_is_refused() -> None:
    with pytest.raises(Failure, match="no boot loader that we know"):
        made(boot_loader, Wish({"cmdline": WORDS}), guest({"/etc/default/grub": DEFAULT}))


words = st.lists(st.from_regex(r"[a-z0-9=.,]{1,8}", fullmatch=True), max_size=6)


@given(words, words, st.lists(st.sampled_from(["a", "b=1", "c"]), unique=True, min_size=1))
def test_every_line_comes_back_byte_for_byte(
    one: list[str], other: list[str], wanted: list[str]
) -> None:
    menu = f"set x\n linux /vmlinuz {' '.join(one)}\n\nlinux  /other  {' '.join(other)} \n# linux\n"
    found = guest({"/boot/grub/grub.cfg": menu, "/etc/default/grub": DEFAULT}, FOLDER)
    once = applied(found, wanted)
    for line in once.text("/boot/grub/grub.cfg").split("\n"):
        assert not line.strip().startswith("linux") or set(wanted) <= set(line.split())
    assert applied(once, [], wanted) == found
