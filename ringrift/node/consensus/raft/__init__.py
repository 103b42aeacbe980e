"""Raft as a pure machine (Ongaro's thesis): messages, time and confirmations in, a `Ready` out.

    ready      what the machine wants done: write, send, apply
    timing     the one profile from which every timeout follows
    tail       the entries still in memory, and the voters they name
    progress   how far each follower is, as the leader knows
    reads      rounds that prove leadership for linearizable reads
    core       the roles and their messages
    transfer   a snapshot in numbered parts, from leader to follower

Nothing here knows a disk, a socket, a clock or what a command means. Whoever drives `core.Raft`
hands it (sender, message, now), takes `ready()`, does what it says in the order it says, and tells
`synced` when a write is durable.
"""
