"""As the other tests with real parts."""

from tests.integration.conftest import _no_colour, debian, images, lab, libvirtd

__all__ = ["_no_colour", "debian", "images", "lab", "libvirtd"]
