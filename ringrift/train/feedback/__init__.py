"""Feedback: from measured signals to what is played, weighted and trained next.

`quality` judges data; `intensity` turns quality and velocity into a training plan measured in rows;
`regression`, `curriculum` and `exploration` answer setbacks and progress; `shares` divides selfplay
among the configs and gives each item its search budget.

Every function is pure: no clock, disk, randomness, torch or numba; times and ages are handed in.
Four rules mend the traps of the system that this replaces (SYSTEM 1.8, 2.5-2.7): an unknown
measurement is None and makes unknown what hangs on it, never a default; products are clamped, with
the clamp stated; velocity is Elo per hour everywhere; what grows stale falls towards 0, not to a
floor that some gate lets through.
"""
