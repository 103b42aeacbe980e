"""What every part of a node stands on: settings, clock, disk, loops with health, events, logs.

Drivers get the clock, the disk and the random generator handed in from `app`; nothing in here
knows what the node is for. A `Loop` is given to the `Supervisor`, which starts, restarts and
reports it; the watchdog measures that none of them blocks the others.
"""
