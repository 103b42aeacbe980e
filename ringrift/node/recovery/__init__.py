"""Disasters: how a cluster whose quorum is gone goes on from what is left (docs/recovery.md).

    log of a stopped voter ── survey ─┐
    saved snapshot file ─── backup ───┴─▶ incarnation (pure) ─▶ founding ─▶ switch ─▶ identity.json
    rejoin word ─────────────────────────────────────────────── rejoining ─▶ switch ─┘

Everything here is off-line: the caller holds the data directory's lock. The one moment at which a
directory changes clusters is the replacement of identity.json; `switch.settle`, which every start
of a node calls, finishes what a crash left after it.
"""
