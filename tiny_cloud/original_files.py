"""A ``cloud.yaml`` read from its file, and what became of it written into files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tiny_cloud import originals, starter, texts, writing
from tiny_cloud.document import Document
from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.layout import formatted
from tiny_cloud.originals import Translated


def translated(file: str) -> Translated:
    """Raises Problems if it cannot be read, or is none."""
    found = list(texts.texts([file]))
    problems = [one for one in found if isinstance(one, Problem)]
    if problems or len(found) != 1:
        raise Problems(problems or [Problem(f"{file} is no file", None, "name one cloud.yaml")])
    (text,) = (one for one in found if isinstance(one, texts.Text))
    return originals.translated(text)


def shown(documents: Iterable[Document]) -> str:
    """In the usual form."""
    return formatted(writing.stream(map(writing.text, documents)))


def write(what: Translated, folder: str) -> Iterator[str]:
    """A file for each document and each secret; their paths. Raises Failure, before anything is
    written, if one is there."""
    files = {Path(folder, f"{one.kind.lower()}-{one.name}.yaml"): shown([one])
             for one in what.documents}
    secrets = {Path(folder, path): f"{secret}\n" for path, secret in what.secrets.items()}
    there = [str(path) for path in (*files, *secrets) if path.exists() or path.is_symlink()]
    if there:
        raise Failure(f"{', '.join(there)} is there already, and nothing was written",
                      "move it away, or name another folder")
    for path, content in {**files, **secrets}.items():
        starter.make(path, content, secret=path in secrets)
        yield str(path)
