"""How a manifest is laid out: where each thing begins and ends in the text, comments and all.

A change is made to the text itself, so that what is not meant stays as somebody wrote it. ruamel
keeps comments, too, but hangs each on what comes before it, so that they go astray when fields
change places, and it writes every line anew.
"""

from tiny_cloud.layout.form import formatted
from tiny_cloud.layout.places import Place, places

__all__ = ["Place", "formatted", "places"]
