"""The binding, opening a connection, and the errors that are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.host.libvirt_hints import hint_for_open

try:
    import libvirt
except ImportError:
    # `validate` needs no libvirt; whoever opens a connection is told what to install.
    libvirt = None

__all__ = ["connect", "ignoring", "libvirt", "require_binding"]


def require_binding() -> None:
    if libvirt is None:
        raise Failure("libvirt's Python binding is not installed",
                      hint="apt install python3-libvirt, in a virtual environment with "
                           "--system-site-packages; or pip install libvirt-python")


def connect(uri: str, readonly: bool) -> Any:
    # Every error comes as an exception; the binding would print it to stderr as well.
    libvirt.registerErrorHandler(lambda context, error: None, None)
    try:
        return libvirt.openReadOnly(uri) if readonly else libvirt.open(uri)
    except libvirt.libvirtError as error:
        message = str(error)
        raise Failure(f"libvirt does not answer at {uri}", hint=hint_for_open(uri, message),
                      detail=message) from None


@contextmanager
def ignoring(*codes: int) -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() not in codes:
            raise
