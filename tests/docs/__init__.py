"""Every code block of the documents is run: README.md, CONTRIBUTING.md and docs/.

A page is one story in a folder of its own, told from top to bottom:

- a block with ``title="FILE"`` is written into that file;
- ``yaml`` without a title is a manifest, or a part of one, and is validated;
- ``console`` is typed: what follows a line ``$ …`` is what it has to print, where ``…`` stands for
  anything within a line, or for any lines. A command that fails fails the test, unless the next
  one asks for ``$?``;
- ``python`` is run, block after block in one interpreter;
- ``text`` after that is what it printed; elsewhere it is a figure and no code.

A block that cannot run at all has a comment before it, ``<!-- not run: why -->``."""
