"""The simulator's stand-ins for the machine: what may go wrong, from a seed, and nothing else does.

`disk` is a disk that a crash may rob of everything that was not synced.
"""
