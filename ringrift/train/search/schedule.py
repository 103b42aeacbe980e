"""Sequential halving as a table: how often must a root edge have been visited to be next?"""

from functools import lru_cache


@lru_cache(maxsize=256)
def considered_visits(considered: int, simulations: int) -> tuple[int, ...]:
    """For each simulation, the visit count of the root edges among which it chooses.

    `considered` edges start; each phase gives every survivor the same number of visits and drops
    the worse half, down to two (Danihelka et al. 2022, algorithm 2). Choosing always the best edge
    *of that visit count* carries this out without a list of survivors.
    """
    if considered < 1 or simulations < 1:
        raise ValueError("considered and simulations must be at least 1.")
    if considered == 1:
        return tuple(range(simulations))
    phases = (considered - 1).bit_length()
    sequence: list[int] = []
    survivors = considered
    visits = 0
    while len(sequence) < simulations:
        rounds = max(1, simulations // (phases * survivors))
        for _ in range(rounds):
            sequence.extend([visits] * survivors)
            visits += 1
        survivors = max(2, survivors // 2)
    return tuple(sequence[:simulations])
