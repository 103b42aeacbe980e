"""The simulator's stand-ins for the machine: what may go wrong, from a seed, and nothing else does.

`disk` is a disk that a crash may rob of everything that was not synced.
`script` is a little language in which one case of Raft is told line by line: `lockstep` moves the
machines, `words` says what they do; tests/simulation/scripts holds the cases with their traces.
"""
