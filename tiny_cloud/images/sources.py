"""Where an image comes from, as ``spec.source`` says it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from tiny_cloud.sizes import parse_size
from tiny_cloud.steps import Debootstrap, Fetch, ImportImage, Step

Source: TypeAlias = Mapping[str, Any]
BUILD_SIZE = "3GiB"
ALGORITHMS = ("sha256", "sha512")


def local(source: Source) -> str:
    """The path of a source on this host (RFC 8089 for file URLs)."""
    return str(source.get("path") or unquote(urlsplit(source["url"]).path))


def is_fetched(source: Source) -> bool:
    """Whether it is downloaded first: from elsewhere, or to be checked against sums."""
    return "sums" in source or not source.get("url", "file:").startswith("file:")


def is_told(source: Source) -> bool:
    """Whether the manifest says what is in it, by a digest or as a recipe."""
    return not {"debootstrap", "sums", *ALGORITHMS}.isdisjoint(source)


def identity(source: Source, content: Callable[[], str]) -> Mapping[str, Any]:
    """What makes two sources the same: content where it can be known, else the recipe.

    ``content``: the sha256 of a source on this host, where the manifest does not tell it."""
    if "debootstrap" in source:
        return {"debootstrap": {"size": BUILD_SIZE, **source["debootstrap"]}}
    for algorithm in ALGORITHMS:
        if algorithm in source:
            return {algorithm: source[algorithm].lower()}
    if "sums" in source:
        return {"url": source["url"], "sums": source["sums"]}
    return {"sha256": content()}


def fill(
    source: Source, identity: Mapping[str, Any], part: str, compression: str
) -> Iterator[Step]:
    """``part`` becomes the image. ``identity``: as `identity` has it."""
    if "debootstrap" in source:
        recipe = source["debootstrap"]
        size = parse_size(recipe.get("size", BUILD_SIZE))
        yield Debootstrap(recipe["suite"], tuple(recipe.get("packages", ())),
                          recipe.get("mirror", ""), size, part, compression)
        return
    form, start = source.get("format", ""), local(source)
    algorithm = next((name for name in identity if name in ALGORITHMS), "")
    value = identity.get(algorithm, "")
    if fetched := is_fetched(source):
        start = f"{part.removesuffix('.part')}.download.part"
        yield Fetch(source["url"], algorithm, value, start, source.get("sums", ""))
    # A download is digested on its way.
    digest = "" if fetched else f"{algorithm}:{value}"
    yield ImportImage(start, form, part, fetched, digest, compression)
