"""Files of NAME=value that a shell or systemd reads: single settings changed in their places."""

from __future__ import annotations

import re


def with_setting(text: str, name: str, value: str, *, export: bool = False) -> str:
    """The text with ``name=value``: in the place of the last such line, or added at the end.

    The last one counts, for a shell as for systemd; the others are left alone.
    """
    line = f"{'export ' if export else ''}{name}={value}"
    pattern = re.compile(rf"^(?:export[ \t]+)?{re.escape(name)}=.*$", re.MULTILINE)
    found = list(pattern.finditer(text))
    if found:
        return f"{text[:found[-1].start()]}{line}{text[found[-1].end():]}"
    return f"{text}{chr(10) if text and not text.endswith(chr(10)) else ''}{line}\n"


def without_setting(text: str, name: str, value: str) -> str:
    """The text without the line that says exactly this."""
    return re.sub(rf"^{re.escape(name)}={re.escape(value)}\n", "", text, flags=re.MULTILINE)


def setting(text: str, name: str) -> str:
    """The value that counts, without quotes; empty: there is none."""
    found = re.findall(rf"^(?:export[ \t]+)?{re.escape(name)}=(.*)$", text, re.MULTILINE)
    return found[-1].strip().strip("\"'") if found else ""
