"""Breaking tinycloud on purpose: one fault at one point of a scenario, again and again.

``watch`` knows the points of a run (each step, command, change of a file, call of libvirt, request
to a guest worker), ``fault`` what goes wrong at one, ``run`` starts a command line with a fault in
it, ``scenario`` is what is applied, and ``bench`` does it and looks at the host afterwards.
"""
