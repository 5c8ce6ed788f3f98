"""Works inside disk images through libguestfs: a program of its own, jobs in and results out.

It is run as ``/usr/bin/python3 -I guest_worker``, because libguestfs's binding comes with the
distribution's interpreter (Python 3.9 or later); so it imports nothing but itself, the standard
library and guestfs, and this folder can be sent to another host as it is. One JSON object a line:
``{"op": NAME, …}`` in, ``{"ok": …}`` or ``{"error": TEXT, "code": WORD}`` out. *What* to write is
decided by the other side. When stdin ends, the appliance is shut down and the program exits.
"""
