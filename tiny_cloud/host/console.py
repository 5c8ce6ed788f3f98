"""A machine's serial console at this terminal, by a stream of libvirt's (virDomainOpenConsole).

The terminal is raw meanwhile: every key goes to the guest, Ctrl-C too, but for the one that leaves.
"""

from __future__ import annotations

import os
import signal
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.libvirt_connection import libvirt, require_binding

LEAVE = b"\x1d"
"""Ctrl-], as in telnet and virsh."""
CHUNK = 4096
ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""By raise, kill and a closed window; the keys that send them are the guest's here."""
WOULD_BLOCK = -2
"""What a stream that does not wait returns instead of bytes (virStreamSend, virStreamRecv)."""


def attach(
    uri: str, domain: str, *, force: bool, keys: int, screen: int, opened: Callable[[], None]
) -> int | None:
    """Until somebody leaves, the machine goes off, or a signal comes; however it ends, the terminal
    (``keys`` is the descriptor to read from, ``screen`` that to write to) is as it was.

    ``force`` takes the console from whoever has it. ``opened`` is called when it is ours. Returns
    0 if the user has left, the signal's number if one came, None if the other end is gone. Raises
    Failure."""
    require_binding()
    # Before any connection is opened: one that is older has no events.
    libvirt.virEventRegisterDefaultImpl()
    connection = Libvirt(uri)
    with connection.domain(domain, "open the console of") as found, ExitStack() as afterwards:
        stream = found.connect().newStream(libvirt.VIR_STREAM_NONBLOCK)
        flags = libvirt.VIR_DOMAIN_CONSOLE_FORCE if force else 0
        found.openConsole(None, stream, flags)
        talk = _Talk(stream, keys, screen)
        afterwards.callback(talk.close)
        # In this order: no signal comes while the terminal is raw and nobody would put it back.
        afterwards.enter_context(_told_of_signals(talk))
        opened()
        afterwards.enter_context(_raw(keys))
        while not talk.is_over:
            libvirt.virEventRunDefaultImpl()
        return talk.reason


class _Talk:
    """What goes to and fro. What a callback raises libvirt's binding prints and drops, so that each
    of them says by itself that it is over."""

    def __init__(self, stream: Any, keys: int, screen: int) -> None:
        self.stream = stream
        self.screen = screen
        self.is_over = False
        self.reason: int | None = None
        self._typed = b""
        """What the guest has not taken yet."""
        self._watch = libvirt.virEventAddHandle(
            keys, libvirt.VIR_EVENT_HANDLE_READABLE, self._read_keys, None)
        stream.eventAddCallback(self._wanted, self._on_stream, None)

    def end(self, reason: int | None) -> None:
        if not self.is_over:
            self.is_over, self.reason = True, reason

    def close(self) -> None:
        libvirt.virEventRemoveHandle(self._watch)
        # One that has ended already is an error here.
        with suppress(libvirt.libvirtError):
            self.stream.eventRemoveCallback()
        with suppress(libvirt.libvirtError):
            self.stream.abort()

    @property
    def _wanted(self) -> int:
        writable = libvirt.VIR_STREAM_EVENT_WRITABLE if self._typed else 0
        return int(libvirt.VIR_STREAM_EVENT_READABLE | libvirt.VIR_STREAM_EVENT_ERROR
                   | libvirt.VIR_STREAM_EVENT_HANGUP | writable)

    def _read_keys(self, watch: int, keys: int, events: int, opaque: object) -> None:
        try:
            typed = os.read(keys, CHUNK)
        except OSError:
            typed = b""
        before, leaves, _ = typed.partition(LEAVE)
        self._typed += before
        self._send()
        if leaves:
            self.end(0)
        elif not typed:
            # The window was closed.
            self.end(signal.SIGHUP)

    def _on_stream(self, stream: Any, events: int, opaque: object) -> None:
        if events & libvirt.VIR_STREAM_EVENT_READABLE:
            self._receive()
        if events & libvirt.VIR_STREAM_EVENT_WRITABLE:
            self._send()
        if events & (libvirt.VIR_STREAM_EVENT_ERROR | libvirt.VIR_STREAM_EVENT_HANGUP):
            self.end(None)

    def _receive(self) -> None:
        try:
            said = self.stream.recv(CHUNK)
            if said == b"":
                self.end(None)
            while isinstance(said, bytes) and said:
                said = said[os.write(self.screen, said):]
        except (libvirt.libvirtError, OSError):
            self.end(None)

    def _send(self) -> None:
        try:
            taken = self.stream.send(self._typed) if self._typed else 0
            if taken != WOULD_BLOCK:
                self._typed = self._typed[taken:]
            self.stream.eventUpdateCallback(self._wanted)
        except libvirt.libvirtError:
            self.end(None)


@contextmanager
def _raw(keys: int) -> Iterator[None]:
    before = termios.tcgetattr(keys)
    try:
        tty.setraw(keys, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


@contextmanager
def _told_of_signals(talk: _Talk) -> Iterator[None]:
    """As an exception one could come within a callback, where nobody sees it."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def note(number: int, frame: FrameType | None) -> None:
        talk.end(number)

    # libvirt's loop does not return for a signal; it does for what is written here.
    woken = libvirt.virEventAddHandle(
        read, libvirt.VIR_EVENT_HANDLE_READABLE, lambda *_: os.read(read, CHUNK), None)
    waker = signal.set_wakeup_fd(write)
    before = {number: signal.signal(number, note) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(waker)
        libvirt.virEventRemoveHandle(woken)
        os.close(read)
        os.close(write)
