"""The other way in: a guest's settings as a NoCloud seed, which cloud-init reads at boot. Pure.

https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html
"""

from tiny_cloud.cloudinit.render import Seed, refused, rendered

__all__ = ["Seed", "refused", "rendered"]
