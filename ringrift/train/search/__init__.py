"""Gumbel AlphaZero over many games at once, with one network call a step.

A slot holds the search of one game. `Search.begin` puts a position into a slot; every
`Search.step` walks each busy slot down its tree to one leaf (`walk`), writes the planes of all
leaves (`encode`), asks the evaluator about them in one batch, and backs the answers up (`absorb`);
a slot whose budget is spent is read with `Search.result`. Trees are flat arrays (`forest`), grown
(`tree`) and walked by compiled kernels that hold no GIL and can share the slots among threads.

A node is a decision (two or more legal choices) or the end of a game: forced steps happen inside
the edge. Values are utilities (`utility`), vectors with one component a seat, backed up whole; a
node maximises the component of its own seat, so there is no sign to flip and it does not matter who
moves next. Between two seats, results that are proven replace estimates (`proof`).

The subtree below the position that is searched next stays in its slot as a cache of evaluations:
visits start afresh, so what is found is what a search without it finds, only cheaper.

One `Search` asks its evaluator once a step and waits. To keep a GPU and the processor busy at the
same time, split the games over two of them and step the one while the other is being evaluated:
no result depends on how games are grouped.

`rollouts` searches the same trees without a network, as an opponent to compare with.

Sources: Danihelka et al., "Policy improvement by planning with Gumbel" (ICLR 2022); Luckhardt and
Irani, "An algorithmic solution of n-person games" (max^n, AAAI 1986).
"""
