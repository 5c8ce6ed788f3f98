"""Python imports this at its start where PYTHONPATH leads here: the command lines that tests run
note their messages, too (``make messages``). pytest itself does so by its conftest.py."""

import os
import sys

OURS = ("tinycloud", "tiny_cloud.host.independent")

if os.environ.get("MESSAGES") and any(word.endswith(OURS) for word in sys.orig_argv[:5]):
    from tests import messages

    messages.watch(os.environ["MESSAGES"])
