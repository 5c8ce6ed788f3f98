"""crypt(5) hashes, made in process by the C library: a password never travels by argv."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import secrets
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast

from tiny_cloud.errors import Failure

Method: TypeAlias = Literal["yescrypt", "sha512"]

DIGEST = "sha256:"
"""Before the hash of a content: crypt(3) itself takes a line of at most 511 bytes."""

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHEAP = re.compile(r"\$y\$j9T\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}"
                    r"|\$6\$[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}")


def hash_password(secret: str, method: Method = "yescrypt") -> str:
    """A crypt(5) hash with a fresh salt: yescrypt, or sha512 where the guest or libcrypt lacks it.

    Guests know yescrypt from Debian 11 and Ubuntu 22.04 on (libxcrypt 4.4). Raises Failure for a
    secret that is empty, has control characters, or is over the C library's 511 bytes.
    """
    if not secret or any(ord(char) < 32 for char in secret):
        raise Failure("a password is empty or has control characters in it",
                      hint="nobody could type it at a login prompt: choose another")
    settings = {"yescrypt": f"$y$j9T${_yescrypt_salt()}", "sha512": f"$6${_sha512_salt()}"}
    for name in (method, "sha512"):
        made = _crypt(secret, settings[name])
        if made.startswith(settings[name][:3]):
            return made
    raise Failure("the C library on this host could not hash a password",
                  hint="it takes at most 511 bytes")


def hash_content(secret: str) -> str:
    """The same of a text of any length and lines, such as a key: the hash of its digest."""
    return f"{DIGEST}{hash_password(hashlib.sha256(secret.encode()).hexdigest())}"


def hashed(
    user: str, reference: Mapping[str, Any], secret: Callable[[Mapping[str, Any]], str], old: str,
    method: Method,
) -> str:
    """What goes into shadow(5) for a password as manifests declare it: the hash that they give, the
    ``old`` one if it still fits, or a fresh one. Raises Failure."""
    if "hash" in reference:
        given = str(reference["hash"])
        if not is_hash(given):
            raise Failure(f"the hash for user {user} is no crypt(5) hash",
                          hint="make one with: mkpasswd -m sha512crypt")
        return given
    plain = secret(reference)
    return old if is_cheap(old) and verify(plain, old) else hash_password(plain, method)


def verify(secret: str, crypt_hash: str) -> bool:
    """Whether the secret hashes to this; compared in a time that tells nothing."""
    if crypt_hash.startswith(DIGEST):
        secret = hashlib.sha256(secret.encode()).hexdigest()
        crypt_hash = crypt_hash.removeprefix(DIGEST)
    made = _crypt(secret, crypt_hash)
    # libcrypt answers "*0" or "*1" for what it cannot do, and a locked account may carry the same.
    if made.startswith("*"):
        return False
    return hmac.compare_digest(made.encode(), crypt_hash.encode())


def is_cheap(crypt_hash: str) -> bool:
    """Whether it has the parameters that ``hash_password`` gives.

    A hash from inside a guest may ask for hours (``$6$rounds=999999999$``) or be a weak one ($1$):
    neither is ever verified or kept.
    """
    return _CHEAP.fullmatch(crypt_hash) is not None


def is_hash(text: str) -> bool:
    """Whether it may stand in shadow(5): crypt(5)'s own characters, and no field separator."""
    return re.fullmatch(r"\$[0-9a-z]+\$[!-9;-~]+", text) is not None


def _crypt(secret: str, setting: str) -> str:
    try:
        return _library()(secret, setting) or "*0"
    except (OSError, ValueError):
        # An unknown method is EINVAL to libxcrypt; a NUL byte in the secret is a ValueError.
        return "*0"


@functools.cache
def _library() -> Callable[[str, str], str | None]:
    """crypt(3): of the standard library until Python 3.13, since then of the package crypt_r."""
    if sys.version_info >= (3, 13):
        from crypt_r import crypt
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*crypt.*", DeprecationWarning)
            from crypt import crypt
    return cast(Callable[[str, str], "str | None"], crypt)


def _yescrypt_salt() -> str:
    """16 random bytes, 24 bits to four characters, low bits first, as libxcrypt's gensalt does."""
    salt = ""
    random = secrets.token_bytes(16)
    for start in range(0, 16, 3):
        group = random[start:start + 3]
        value = int.from_bytes(group, "little")
        for _ in range((len(group) * 8 + 5) // 6):
            salt += _ALPHABET[value & 63]
            value >>= 6
    return salt


def _sha512_salt() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))
