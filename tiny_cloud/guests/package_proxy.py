"""Where the guest's package manager gets packages from: apt, dnf and yum, zypper, apk."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remark, Remove, Wish, write
from tiny_cloud.guests.shell_words import with_setting, without_setting

APT = "/etc/apt/apt.conf.d"
APT_PATH = f"{APT}/90tinycloud-proxy"
DNF = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
"""dnf.conf(5), yum.conf(5): ``proxy`` in the section [main]. The second is often a link."""
ZYPPER = "/etc/sysconfig/proxy"
APK = "/sbin/apk"
PROFILE = "/etc/profile.d"
APK_PATH = f"{PROFILE}/tinycloud-proxy.sh"


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if _url(wish) or _before(wish):
        yield from (APT, APT_PATH, *DNF, ZYPPER, APK, APK_PATH)


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    url, before = _url(wish), _before(wish)
    if not url and not before:
        return
    inis = [path for path in DNF if found.kind(path) == "file"]
    if found.kind(APT) == "folder":
        yield from _own(APT_PATH, _apt(url) if url else "", found)
    elif inis:
        old = found.text(inis[0])
        new = with_main(old, url) if url else without_main(old, before)
        if new != old:
            yield write(inis[0], new)
    elif found.kind(ZYPPER):
        old = found.text(ZYPPER)
        new = _sysconfig(old, url, before)
        if new != old:
            yield write(ZYPPER, new)
    elif found.has(APK):
        if url:
            yield Remark("apk has no setting for a proxy: login shells get http_proxy")
            yield MakeFolder(PROFILE)
        lines = [f"export {name}={url}" for name in ("http_proxy", "https_proxy")]
        yield from _own(APK_PATH, "\n".join(("# written by tinycloud", *lines, "")) if url else "",
                        found)
    elif url:
        raise Failure("packageProxy is declared, and the guest has neither apt, dnf, yum, zypper "
                      "nor apk", hint="leave it out, or set it by a file of your own (files:)")


def _url(wish: Wish) -> str:
    return str(wish.settings.get("packageProxy") or "")


def _before(wish: Wish) -> str:
    return str(wish.before.get("packageProxy") or "")


def _own(path: str, text: str, found: Found) -> Iterator[Edit]:
    """A file that is ours alone; gone without a text."""
    if not text and found.kind(path):
        yield Remove(path)
    elif text and found.text(path, "") != text:
        yield write(path, text)


def _apt(url: str) -> str:
    return (f'// written by tinycloud\nAcquire::http::Proxy "{url}";\n'
            f'Acquire::https::Proxy "{url}";\n')


def with_main(text: str, url: str) -> str:
    """An ini with ``proxy`` in [main]: in its place, or right below the section's head."""
    main = re.search(r"^\[main\][^\n]*\n(?:(?!\[)[^\n]*(?:\n|\Z))*", text, re.MULTILINE)
    if main is None:
        return f"[main]\nproxy={url}\n{text}"
    there = re.search(r"^proxy[ \t]*=.*$", main[0], re.MULTILINE)
    if there:
        section = f"{main[0][:there.start()]}proxy={url}{main[0][there.end():]}"
    else:
        head, _, rest = main[0].partition("\n")
        section = f"{head}\nproxy={url}\n{rest}"
    return f"{text[:main.start()]}{section}{text[main.end():]}"


def without_main(text: str, url: str) -> str:
    """Without our line, if it is still ours."""
    return without_setting(text, "proxy", url)


def _sysconfig(text: str, url: str, before: str) -> str:
    """Of openSUSE, for zypper and all that asks for it."""
    names = ("HTTP_PROXY", "HTTPS_PROXY")
    if url:
        for name in names:
            text = with_setting(text, name, f'"{url}"')
        return with_setting(text, "PROXY_ENABLED", '"yes"')
    for name in names:
        text = text.replace(f'\n{name}="{before}"\n', f'\n{name}=""\n')
    return with_setting(text, "PROXY_ENABLED", '"no"')
