"""Language, time zone and keyboard: locale.conf(5), localtime(5), vconsole.conf(5), keyboard(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remark, Symlink, Wish, write
from tiny_cloud.guests.shell_words import setting, with_setting

ZONES = "/usr/share/zoneinfo"
LOCALTIME, TIMEZONE = "/etc/localtime", "/etc/timezone"
LOCALE, DEBIAN_LOCALE = "/etc/locale.conf", "/etc/default/locale"
LOCALE_GEN = "/etc/locale.gen"
MUSL = "/lib/ld-musl-*"
PROFILE = "/etc/profile.d"
MUSL_LOCALE = f"{PROFILE}/tinycloud-locale.sh"
KEYBOARD = "/etc/default/keyboard"
VCONSOLE = "/etc/vconsole.conf"
VCONSOLE_SETUP = ("/usr/lib/systemd/systemd-vconsole-setup", "/lib/systemd/systemd-vconsole-setup")


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if zone := wish.settings.get("timezone"):
        yield from (f"{ZONES}/{zone}", LOCALTIME, TIMEZONE)
    if wish.settings.get("locale"):
        yield from (LOCALE, DEBIAN_LOCALE, LOCALE_GEN, MUSL, PROFILE, MUSL_LOCALE)
    if wish.settings.get("keymap"):
        yield from (KEYBOARD, VCONSOLE, *VCONSOLE_SETUP)


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    if zone := wish.settings.get("timezone"):
        yield from _timezone(str(zone), found)
    if locale := wish.settings.get("locale"):
        yield from _locale(str(locale), found)
    if keymap := wish.settings.get("keymap"):
        yield from _keymap(str(keymap), found)


def _timezone(zone: str, found: Found) -> Iterator[Edit]:
    if not found.has(f"{ZONES}/{zone}"):
        raise Failure(f"the guest has no time zone {zone}",
                      hint=f"is it spelled as below {ZONES}? is the package tzdata in the image?")
    target = f"{ZONES}/{zone}"
    there = found.files.get(LOCALTIME)
    if there is None or there.kind != "symlink" or \
            not there.target.endswith(target.removeprefix("/")):
        yield Symlink(LOCALTIME, target)
    # Debian's older way to say it, which some programs still read.
    if found.kind(TIMEZONE) == "file" and found.text(TIMEZONE) != f"{zone}\n":
        yield write(TIMEZONE, f"{zone}\n")


def _locale(locale: str, found: Found) -> Iterator[Edit | Remark]:
    if any(path.startswith("/lib/ld-musl-") for path in found.files):
        text = f"# written by tinycloud\nexport LANG={locale}\n"
        if found.text(MUSL_LOCALE, "") != text:
            yield MakeFolder(PROFILE)
            yield write(MUSL_LOCALE, text)
        return
    # Debian's logins read a file of its own (pam_env); since 13 it is a link to that of all others.
    debian = found.kind(DEBIAN_LOCALE) == "file" or (
        not found.kind(LOCALE) and found.distro in ("debian", "ubuntu", "raspbian"))
    path = DEBIAN_LOCALE if debian else LOCALE
    old = found.text(path, "")
    if setting(old, "LANG") != locale:
        if debian:
            yield MakeFolder("/etc/default")
        yield write(path, with_setting(old, "LANG", locale))
    if found.kind(LOCALE_GEN) == "file":
        yield from _generated(locale, found.text(LOCALE_GEN))


def _generated(locale: str, listed: str) -> Iterator[Edit | Remark]:
    """locale.gen(5). What is listed and not made yet takes a program of the guest."""
    if locale.startswith(("C.", "C", "POSIX")) and "_" not in locale:
        return
    charset = locale.partition(".")[2] or "ISO-8859-1"
    charset = "UTF-8" if charset.lower() in ("utf8", "utf-8") else charset
    line = f"{locale} {charset}"
    if re.search(rf"^\s*{re.escape(line)}\s*$", listed, re.MULTILINE):
        return
    there = re.search(rf"^#\s*{re.escape(line)}[ \t]*$", listed, re.MULTILINE)
    if there:
        yield write(LOCALE_GEN, f"{listed[:there.start()]}{line}{listed[there.end():]}")
    else:
        end = "\n" if listed and not listed.endswith("\n") else ""
        yield write(LOCALE_GEN, f"{listed}{end}{line}\n")
    yield Remark(f"the guest has no locale {locale} yet: it takes locale-gen in there, which a "
                 "script of firstBoot can run")


def _keymap(keymap: str, found: Found) -> Iterator[Edit]:
    ways = []
    if found.kind(KEYBOARD):
        ways.append((KEYBOARD, "XKBLAYOUT", f'"{keymap}"'))
    if found.kind(VCONSOLE) or found.has(*VCONSOLE_SETUP):
        ways.append((VCONSOLE, "KEYMAP", keymap))
    if not ways:
        raise Failure(f"keymap {keymap} is declared, and nothing in the guest reads one",
                      hint="Debian has it in the package keyboard-configuration; leave it out "
                           "for a machine without a screen")
    for path, name, value in ways:
        old = found.text(path, "")
        if setting(old, name) != keymap:
            yield write(path, with_setting(old, name, value))
