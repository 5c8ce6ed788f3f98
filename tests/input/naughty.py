"""Texts that break what is careless with texts, after the Big List of Naughty Strings."""

OPTIONS_AND_PATHS = (
    "-rf", "--help", "-", "--", "@file", "../../etc/passwd", "/../..", ".", "..", "~root", "a/b",
    "json:{}", "nbd:a:1", "fd:0", "file:///etc/passwd", "http://a/%0d%0ab", "/" + "a" * 4096,
)
SHELL = (
    "$(touch /tmp/x)", "`id`", "${HOME}", "$HOME", "; id", "| id", "& id", "&& id", "> /x",
    "* ? [a]", "'", '"', "''", '""', "'\"`", "it's", "\\", "\\\\", "\\n", "a\\", "a b", " a", "a ",
    " ", "",
)
MARKUP = (
    "<a>", "</name>", "<!-- x -->", "]]>", "<![CDATA[x]]>", "&amp;", "&#0;", "&lol;",
    "<!DOCTYPE a>", "%s%n%d", "%(a)s", "{}", "{0}", "{a.b}", "{{ x }}", "{% x %}", "#{x}", "#",
    "# a", "a # b", "!x", "a: b", "- a", "a=b", "[a]", "a,b", "a;b", "a:b", "a|b", "*a", "&a",
    "## template: jinja", "<" * 1000,
)
MEANINGS = (
    "null", "true", "yes", "0755", "1e3", "0x10", "NaN", "-1", "12:30", "' OR 1=1 --",
    "root:x:0:0::/:/bin/sh", "ALL=(ALL) NOPASSWD: ALL",
)
LINES = (
    "a\nb", "a\r\nb", "a\n", "\n", "a\tb", "\t", "a\nb: c", "\n---\n", "\n[Section]\nA=b", "a\n\nb",
    "\n\n", "  a\n b", "a\nEOF\nb", "\t\n x",
)
UNICODE = (
    "ä", "ß", "\u0130", "\u017f", "\u212a", "日本語", "한국어", "\U0001f600", "e\u0301", "\u0301",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001d4b3", "\ufdfa", "\u200b", "\u00a0",
    "\u00ad", "\ufdd0", "\U0001ffff", "\U0010ffff", "\u3000", "\U0001f600" * 1000,
)
LONG = ("a" * 64, "a" * 300, "a" * 70_000)
CONTROLS = (
    "\x00", "a\x00b", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b[31mred\x1b[0m", "\x1b]0;t\x07",
    "\x1b[2J", "\x7f", "\x80", "\x85", "\x9b31m", "\x9f", "\u2028", "\u2029", "\ufeff", "\ufffe",
    "\uffff",
)
"""What no manifest may hold: C0, C1, other systems' line breaks, marks of byte order."""
BIDIRECTIONAL = ("\u202e", "\u2066a\u2069", "\u200f", "\u061c", "a\u202eb")
SURROGATES = ("\ud800", "\udfff", "a\udc80")
"""No characters at all; a YAML escape can still name them."""

CARRIED = (*OPTIONS_AND_PATHS, *SHELL, *MARKUP, *MEANINGS, *LINES, *UNICODE, *LONG, *BIDIRECTIONAL)
"""A text field without a rule of its own may hold them."""
NAUGHTY = (*CARRIED, "\r", "a\rb", *CONTROLS, *SURROGATES)
