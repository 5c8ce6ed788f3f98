"""What somebody else made, as the manifests that keep it as it is: the inverse of planning. Pure.

Each kind has one file. A field is written where it says something else than a new thing would have;
what no field says stays as it is when the thing is taken over, and a remark says so.
"""

from __future__ import annotations

from msgspec import Struct

from tiny_cloud.document import Document


class Found(Struct, frozen=True):
    """One thing of the host's."""

    document: Document
    remarks: tuple[str, ...] = ()
    """What the document could not say, in sentences."""
    needs: tuple[Found, ...] = ()
    """What it refers to and has to be declared as well."""
    adopted: bool = True
    """Whether it becomes the cloud's own; else it is external."""
