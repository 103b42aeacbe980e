"""Gumbel AlphaZero over many games at once, with one network call a step.

A slot holds the search of one game. `Search.begin` puts a position into a slot; every
`Search.step` walks each busy slot down its tree to one leaf (`select`), asks the evaluator about
all leaves in one batch, and backs the answers up (`absorb`); a slot whose budget is spent is read
with `Search.result`. Trees are flat arrays (`forest`), walked by compiled kernels that hold no GIL.

A node is a decision (two or more legal choices) or the end of a game: forced steps happen inside
the edge. Values are vectors, one component a seat, backed up whole; a node maximises the component
of its own seat, so there is no sign to flip and it does not matter who moves next.

Sources: Danihelka et al., "Policy improvement by planning with Gumbel" (ICLR 2022); Luckhardt and
Irani, "An algorithmic solution of n-person games" (max^n, AAAI 1986).
"""
