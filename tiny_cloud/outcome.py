"""What is said when a plan was not carried out to its end."""

from __future__ import annotations

from collections.abc import Sequence

from tiny_cloud.errors import Failure
from tiny_cloud.events import Event
from tiny_cloud.model import Change


class Incomplete(Failure):
    """Not everything was done; what was is done, and the next apply goes on from there.

    ``summary`` names the first thing and why, ``hint`` what to do about it, ``detail`` what a
    failing program said. The rest is in ``failed``, ``skipped`` and ``blocked``.
    """

    def __init__(self, events: Sequence[Event], blocked: Sequence[Change]) -> None:
        self.failed = tuple(event for event in events if event.what == "failed")
        """Changes that failed, or did not come out as asked."""
        self.skipped = tuple(event for event in events if event.what == "skipped")
        """Those that were not begun, because of these or because it was to stop."""
        self.blocked = tuple(blocked)
        """Those that need a consent they have not got; each names it (``Change.allow``)."""
        said = [(f"{event.address}: {event.text}", event.hint, event.detail)
                for event in (*self.failed, *self.skipped)]
        said += [(f"{change.address} is blocked: {change.blocked}", change.allow, "")
                 for change in self.blocked]
        summary, hint, detail = said[0]
        more = f" (and {len(said) - 1} more)" if said[1:] else ""
        super().__init__(summary + more, hint, detail)
        for other, remedy, _ in said[1:]:
            self.add_note(f"{other} ({remedy})" if remedy else other)
