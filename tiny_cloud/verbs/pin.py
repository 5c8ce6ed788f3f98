"""tinycloud pin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tiny_cloud.verbs import terminal

if TYPE_CHECKING:
    from tiny_cloud.pins import Missing
    from tiny_cloud.texts import Text


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing, ask nobody; exit 1 if one is missing.")
def pin(paths: tuple[str, ...], check: bool) -> None:
    """Write digests of images that are downloaded into manifests.

    From the sums file that the manifest names (which gives way to the digest), or one that is
    published beside the image; else the image is downloaded once, to be reckoned.
    """
    from tiny_cloud import editing, pins
    from tiny_cloud.errors import Problem, Problems
    from tiny_cloud.render.text import one_line

    found = [(text, lacks) for text in editing.readable(paths)
             if (lacks := list(pins.missing(text)))]
    if check:
        for _, lacks in found:
            for lack in lacks:
                terminal.out().print(one_line(lack))
        sys.exit(1 if found else 0)
    if any(text.path is None for text, _ in found):
        raise Problems([Problem("what comes on stdin cannot be written", None,
                                "name the file, or use --check")])
    if not found:
        terminal.err().print("Every image that is downloaded has a digest.")
    sys.exit(0 if all([_pin(text, lacks) for text, lacks in found]) else 1)


def _pin(text: Text, lacks: list[Missing]) -> bool:
    """Whether the file has all its digests now; what could be had of them is written."""
    from tiny_cloud import editing, pins
    from tiny_cloud.errors import Failure
    from tiny_cloud.host import published
    from tiny_cloud.render.reading import reading
    from tiny_cloud.render.text import one_line, show_failure, show_problems

    known, origins = [], {}
    for lack in lacks:
        try:
            with reading(terminal.err(), f"image/{lack.image}") as progress:
                algorithm, digest, origin = published.digest(lack.url, lack.sums, progress)
        except Failure as failure:
            show_failure(terminal.err(), failure)
        else:
            known.append((lack, algorithm, digest))
            origins[lack.span] = origin
    content, problems = pins.pinned(text.content, known)
    if content != text.content:
        editing.write(text, content)
    show_problems(terminal.err(), problems)
    refused = {problem.span for problem in problems}
    for lack, algorithm, digest in known:
        if lack.span not in refused:
            line = f"{lack.span}: image/{lack.image} {algorithm}: {digest}"
            terminal.out().print(one_line(f"{line}  (from {origins[lack.span]})"))
    return len(known) == len(lacks) and not problems
