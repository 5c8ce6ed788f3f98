"""Words of the kernel's command line, where the guest's boot loader reads them at its next start.

What makes the menu anew (update-grub, grub2-mkconfig, update-extlinux) is given the words as well;
no program of the guest has to run. Words that are there already are nobody's; ours are known by
what we gave that program, so that they go when they are declared no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, Remark, Remove, Wish, block_of, with_block, write

GRUB_CFGS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
ENTRIES = "/boot/loader/entries/*.conf"
"""Boot Loader Specification, type 1: Fedora's and RHEL's."""
EXTLINUX = ("/boot/extlinux.conf", "/boot/extlinux/extlinux.conf")
DEFAULT = "/etc/default/grub"
FOLDER = "/etc/default/grub.d"
DROP_IN = f"{FOLDER}/90-tinycloud.cfg"
UPDATE_EXTLINUX = "/etc/update-extlinux.conf"
INITTAB = "/etc/inittab"
INITS = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")

_GRUB = re.compile(r"^(\s*linux(?:16|efi)?\s+\S+)(.*)$", re.MULTILINE)
_OPTIONS = re.compile(r"^(options\b)(.*)$", re.MULTILINE)
_APPEND = re.compile(r"^(\s*APPEND\b)(.*)$", re.MULTILINE | re.IGNORECASE)


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if wish.settings.get("cmdline") or wish.before.get("cmdline"):
        yield from (*GRUB_CFGS, ENTRIES, *EXTLINUX, DEFAULT, FOLDER, DROP_IN, UPDATE_EXTLINUX,
                    INITTAB, *INITS)


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    wanted = tuple(wish.settings.get("cmdline") or ())
    if not wanted and not wish.before.get("cmdline"):
        return
    menus = dict(_menus(found))
    source = next((path for path in (DEFAULT, UPDATE_EXTLINUX) if found.kind(path)), "")
    if not menus or not source:
        if wanted:
            raise Failure("cmdline is declared, and no boot loader that we know is in the guest",
                          hint="known are GRUB (with /etc/default/grub) and Alpine's extlinux; "
                               "write kernel.cmdline in the machine to boot without one")
        return
    ours = _ours(found)
    texts = {path: _without(found.text(path), pattern, ours) for path, pattern in menus.items()}
    adds = tuple(word for word in wanted if not all(
        word in line[1].split() for path, pattern in menus.items()
        for line in pattern.findall(texts[path])))
    for path, pattern in menus.items():
        new = _with(texts[path], pattern, adds)
        if new != found.text(path):
            yield write(path, new)
    yield from _source(source, adds, found)
    yield from _console(wanted, found)
    if any("$kernelopts" in text for text in texts.values()):
        yield Remark("kernels that the guest installs later take their options from grubenv's "
                     "kernelopts, which stays as it is: cmdline holds for those there are")


def _menus(found: Found) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Those files that have lines with a kernel's options."""
    for path in sorted(found.files):
        pattern = (_GRUB if path in GRUB_CFGS else _APPEND if path in EXTLINUX else
                   _OPTIONS if path.startswith("/boot/loader/entries/") else None)
        if pattern and found.kind(path) == "file" and pattern.search(found.text(path)):
            yield path, pattern


def _ours(found: Found) -> tuple[str, ...]:
    """The words that we gave last time."""
    said = [*found.text(DROP_IN, "").split("\n"), *block_of(found.text(DEFAULT, "")),
            *block_of(found.text(UPDATE_EXTLINUX, ""))]
    lines = (re.fullmatch(r'(?:GRUB_CMDLINE_LINUX|default_kernel_opts)="\$\w+ (.*)"', line)
             for line in said)
    return tuple(word for match in lines if match for word in match[1].split())


def _without(text: str, pattern: re.Pattern[str], words: Sequence[str]) -> str:
    """Each word once less on every line, from the end; other space stays as it is."""
    def line(match: re.Match[str]) -> str:
        # Each with the space before it.
        pieces = re.findall(r"\s*\S+|\s+", match[2])
        for word in words:
            places = [at for at, piece in enumerate(pieces) if piece.strip() == word]
            if places:
                del pieces[places[-1]]
        return match[1] + "".join(pieces)

    return pattern.sub(line, text) if words else text


def _with(text: str, pattern: re.Pattern[str], words: Sequence[str]) -> str:
    def line(match: re.Match[str]) -> str:
        body = (match[1] + match[2]).rstrip()
        return " ".join((body, *words)) + match[0][len(body):]

    return pattern.sub(line, text) if words else text


def _source(path: str, words: Iterable[str], found: Found) -> Iterator[Edit]:
    """What the menu is made of next time. Debian's GRUB reads a folder, others one file."""
    name = "GRUB_CMDLINE_LINUX" if path == DEFAULT else "default_kernel_opts"
    said = " ".join(words)
    lines = [f'{name}="${name} {said}"'] if said else []
    if path == DEFAULT and found.kind(FOLDER) == "folder":
        text = "\n".join(("# written by tinycloud", *lines, ""))
        if not lines and found.kind(DROP_IN):
            yield Remove(DROP_IN)
        elif lines and found.text(DROP_IN, "") != text:
            yield write(DROP_IN, text)
        return
    old = found.text(path)
    if (new := with_block(old, lines)) != old:
        yield write(path, new)


def _console(words: Iterable[str], found: Found) -> Iterator[Edit]:
    """systemd starts a login on console= by itself, inittab(5) has to say so."""
    if found.has(*INITS) or found.kind(INITTAB) != "file":
        return
    old = found.text(INITTAB)
    ports = [match[1] for word in words
             if (match := re.match(r"console=(ttyS\d+|ttyAMA\d+|hvc\d+)", word))]
    bare = with_block(old, ())
    lines = [f"{port}::respawn:/sbin/getty -L 115200 {port} vt100" for port in ports
             if not re.search(rf"^{port}:", bare, re.MULTILINE)]
    if (new := with_block(bare, lines)) != old:
        yield write(INITTAB, new)
