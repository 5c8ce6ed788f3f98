"""Manifests of up to 1 MiB that cost as much as one can: each is a way to make somebody wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator

MOST = 1 << 20
HEAD = "apiVersion: tinycloud/v1\n"
MACHINE = f"{HEAD}kind: VirtualMachine\nmetadata: {{name: a}}\nspec:\n  cpus: 1\n  memory: 1GiB\n"
GUEST = f"{MACHINE}  disks: [{{name: root, image: x, size: 1GiB}}]\n  guest:\n"
IMAGE = f"{HEAD}kind: Image\nmetadata: {{name: debian}}\n" \
        "spec: {source: {debootstrap: {suite: bookworm}}}\n"
Item = Callable[[int], str]


def fill(head: str, item: Item, most: int = MOST, tail: str = "") -> str:
    """As many items as fit into a file, or ``most``."""
    parts, size, number = [head], len(head.encode()) + len(tail.encode()), 0
    while number < most:
        part = item(number)
        size += len(part.encode())
        if size > MOST:
            break
        parts.append(part)
        number += 1
    return "".join(parts) + tail


def document(kind: str, name: object, spec: str) -> str:
    return f"{HEAD}kind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"


def machine(number: int) -> str:
    return document("VirtualMachine", f"a{number}", (
        "{cpus: 1, memory: 512MiB, disks: [{name: root, image: debian, size: 4GiB}], "
        "interfaces: [{name: eth0, user: {}, address: 10.0.2.15/24}], "
        f"guest: {{hostname: a{number}, users: {{root: {{password: {{env: P}}}}}}}}}}"))


def unfolding(item: str, levels: int = 31) -> str:
    """Each level three of that below."""
    return "a0: &a0 [x]\n" + "".join(
        f"a{at}: &a{at} {item.replace('*', f'*a{at - 1}')}\n" for at in range(1, levels))


REPEATED: dict[str, tuple[str, Item]] = {
    "disks": ("", lambda at: document("Disk", f"a{at}", "{size: 1GiB}")),
    "machines": ("", lambda at: document("VirtualMachine", at, "{cpus: 1, memory: 1GiB}")),
    "replicas": ("", lambda at: document(
        "VirtualMachine", f"a{at}", "{replicas: 250, cpus: 1, memory: 1GiB, title: '${index}'}")),
    "networks": ("", lambda at: document(
        "Network", at, f"{{subnet: 10.{at >> 8}.{at & 255}.0/24}}")),
    "unknown kinds": ("", lambda at: document(f"Dsk{at}", at, "{}")),
    "equal names": ("", lambda at: document("Disk", "a", "{size: 1GiB}")),
    "empty documents": ("", lambda at: "---\n"),
    "documents without anything": ("", lambda at: "---\n{}\n"),
    "unknown fields": (f"{HEAD}kind: Disk\nmetadata: {{name: a}}\nspec:\n",
                       lambda at: f"  siz{at}: 1\n"),
    "long unknown fields": (f"{HEAD}kind: Disk\nmetadata: {{name: a}}\nspec:\n",
                            lambda at: f"  {'siz' * 70}{at}: x\n"),
    "wrong heads": ("", lambda at: "---\n{" + ", ".join(
        f"apiVersio{one}: 1" for one in range(80)) + "}\n"),
    "labels": (f"{HEAD}kind: Disk\nmetadata:\n  name: a\n  labels:\n",
               lambda at: f"    l{at}: v\n"),
    "disks of a machine": (f"{MACHINE}  disks:\n",
                           lambda at: f"  - {{name: d{at}, size: 1GiB}}\n"),
    "wrong disks of a machine": (f"{MACHINE}  disks:\n",
                                 lambda at: f"  - {{nam: {at}, bus: virti}}\n"),
    "cards": (f"{MACHINE}  interfaces:\n", lambda at: f"  - {{name: e{at}, network: n{at}}}\n"),
    "users": (f"{GUEST}    users:\n", lambda at: f"      u{at}: {{shell: /bin/sh}}\n"),
    "files": (f"{GUEST}    files:\n", lambda at: f"    - {{path: /u{at}, content: a}}\n"),
    "deep files": (f"{GUEST}    files:\n",
                   lambda at: f"    - {{path: /u{at}{'/x' * 400}, content: a}}\n"),
    "keys": (f"{GUEST}    users:\n      root:\n        authorizedKeys:\n",
             lambda at: f"        - ssh-ed25519 AAAA{at}\n"),
    "tags": ("", lambda at: "- !x 1\n"),
    "anchors": ("", lambda at: f"- &a{at} 1\n"),
    "equal keys": ("", lambda at: "a: 1\n"),
    "long equal keys": ("", lambda at: "k" * 1000 + ": 1\n"),
    "keys that are lists": ("", lambda at: "? [a]\n: 1\n"),
    "control characters": ("", lambda at: '- "\\a"\n'),
    "numbers": ("", lambda at: "- 1.23456789012345678e99\n"),
    "remarks": ("", lambda at: "#\n"),
    "deep documents": ("", lambda at: f"{'[' * 31}{']' * 31}\n---\n"),
}
"""What a file begins with, and what is in there as often as it takes it."""


def cases() -> Iterator[tuple[str, str | bytes]]:
    """By name; the first ones are those that once took longest."""
    yield from _references()
    yield from _repeated()
    yield from _one_thing()
    yield from _encodings()


def _references() -> Iterator[tuple[str, str]]:
    similar = "mage-of-some-longer-name-which-is-"
    lists = "kind: List\nitems:\n- &a0 {kind: List, items: []}\n"
    yield "lists of lists by alias", lists + "".join(
        f"- &a{at} {{kind: List, items: [{', '.join([f'*a{at - 1}'] * 10)}]}}\n"
        for at in range(1, 9))
    yield "a long chain of disks", fill("", lambda at: document(
        "Disk", f"a{at}", f"{{base: a{at + 1}}}"), 690)
    yield "many similar names", fill("", lambda at: document(
        "Image", f"i{similar}{at}", "{source: {debootstrap: {suite: bookworm}}}"), 300) + fill(
        "", lambda at: document("Disk", f"a{at}", f"{{size: 1GiB, image: {similar}{at}}}"), 300)
    yield "machines with everything", fill("", machine, 215, IMAGE)
    yield "many %TAG", fill("", lambda at: f"%TAG !a{at}! tag:x{at}\n", tail="---\na\n")
    yield "overlapping networks", fill("", lambda at: document(
        "Network", f"a{at}", "{forward: nat, subnet: 10.0.0.0/8}"), 620)
    yield "second clouds", fill("", lambda at: document("Cloud", f"a{at}", "{}"))
    yield "a long circle of disks", fill("", lambda at: document(
        "Disk", f"a{at}", f"{{base: a{(at + 1) % 690}}}"), 690)
    yield "one port a machine", fill("", lambda at: document("VirtualMachine", f"a{at}", (
        "{cpus: 1, memory: 1GiB, interfaces: [{name: e, user: {forward: "
        f"[{{host: {at + 1}, guest: 22}}]}}}}]}}")), 330)
    yield "aliases of aliases", unfolding("[*, *, *]")
    yield "merges of merges", unfolding("{<<: [*, *, *]}").replace("[x]", "{x: 1}")
    yield "a chain of merges", "a0: &a0 {x: 1}\n" + "".join(
        f"a{at}: &a{at} {{<<: *a{at - 1}, k{at}: 1}}\n" for at in range(1, 30_000))
    yield "one large alias often", fill("a: &a\n", lambda at: f"  k{at}: 1\n", 3000) + "".join(
        f"b{at}: *a\n" for at in range(40_000))


def _repeated() -> Iterator[tuple[str, str]]:
    for name, (head, item) in REPEATED.items():
        yield name, fill(head, item)
        # The same, but within the number of values that a file may hold.
        yield f"fewer {name}", fill(head, item, 600)


def _one_thing() -> Iterator[tuple[str, str]]:
    for name in "[{\"'&*?-:!|>%@\t \r\n\0,#~":
        yield f"nothing but {name!r}", name * MOST
        yield f"nothing but {name!r} and a blank", f"{name} " * (MOST // 2)
    room = MOST - 200
    for field, spec in {
        "name": "metadata: {name: " + "a" * room + "}\nspec: {size: 1GiB}",
        "size": "metadata: {name: a}\nspec: {size: " + "9" * room + "GiB}",
        "reference": "metadata: {name: a}\nspec: {size: 1GiB, image: " + "a" * room + "}",
        "path": "metadata: {name: a}\nspec: {external: true, path: " + "../" * (room // 3) + "}",
        "key": "metadata: {name: a}\n? " + "a" * room + "\n: 1",
    }.items():
        yield f"a long {field}", f"{HEAD}kind: Disk\n{spec}\n"
    for field in ("subnet", "subnet6"):
        spec = f"spec: {{{field}: '{'1:' * (room // 2)}'}}"
        yield f"a long {field}", f"{HEAD}kind: Network\nmetadata: {{name: a}}\n{spec}\n"
    deep = "<a>" * (room // 7) + "</a>" * (room // 7)
    yield "deep XML", f"{MACHINE}  xml:\n  - {{target: domain, xml: '{deep}'}}\n"
    yield "many pieces of XML", fill(
        f"{MACHINE}  xml:\n", lambda at: f"  - {{target: devices, xml: '<a b=\"{at}\"/>'}}\n")
    yield "long line, late NUL", "a: " + "x" * room + "\0"


def _encodings() -> Iterator[tuple[str, str | bytes]]:
    text = "a: 1\n" * 50_000
    for name in ("utf-16", "utf-32", "cp500"):
        yield f"encoded in {name}", text.encode(name)[:MOST]
    yield "nothing but byte order marks", b"\xef\xbb\xbf" * (MOST // 3)
    yield "one byte that is no UTF-8, at the end", text.encode() + b"\xff"
    yield "surrogates", b"a: \xed\xa0\x80\n"
    for name, character in {"bidirectional": "\u202e", "astral": "\U0001f600",
                            "combining": "e\u0301", "no": "\ufdd0"}.items():
        yield f"{name} characters", f"a: {character * (MOST // 5)}\n"
    yield "a megabyte and a byte", " " * (MOST + 1)
