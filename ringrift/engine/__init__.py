"""The rules of RingRift for every board and 1..4 seats, in numpy and numba.

`config` and `rules` say what is played, `state` how a position lies in one int16 row, `moves` how a
choice is packed into one int64. `kernels` turn (tables, row) into legal choices, and a choice into
the next row; `text` is the canonical spelling of both, `game` the friendly door, `players` the
baselines, `verify` the proof against recorded games. Positions come in as text or `new_state`, go
through `legal_moves` / `apply_move` / `advance`, and leave as text, planes, indices and a ranking.
"""
