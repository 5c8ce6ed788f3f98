"""Files of shell words, one or more an interface: Red Hat's network scripts, SUSE's wicked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tiny_cloud.guests.base import Edit, Found, Remove, write

MARK = "# written by tinycloud\n"


def files(
    folder: str, texts: Mapping[str, Mapping[str, str]], found: Found, kinds: Sequence[str]
) -> Iterator[Edit]:
    """``texts``: card -> kind of file -> what is in it; a file with nothing in it goes, as do ours
    of interfaces that are declared no more."""
    gone = {path.removeprefix(f"{folder}/ifcfg-") for path in found.files
            if path.startswith(f"{folder}/ifcfg-") and found.kind(path) == "file"
            and found.text(path).startswith(MARK)} - texts.keys()
    for name in (*texts, *sorted(gone)):
        for kind in kinds:
            path = f"{folder}/{kind}-{name}"
            text = texts.get(name, {}).get(kind, "")
            if text:
                yield write(path, text)
            elif found.has(path):
                yield Remove(path)

