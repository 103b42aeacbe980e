"""One decision as search leaves it, and the decisions of a game as columns of bytes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class DecisionRow:
    """One decision (>= 2 legal choices) that search made.

    `step` indexes the record's moves: the chosen one, or that of which a part was chosen; `part`
    counts the choices of that step from 0, so it is 0 where a move is chosen whole. Per choice in
    the engine's order: its policy index `actions` int32[k], the improved policy `policy` float16[k]
    (sum 1) and `visits` int32[k]; cheap decisions may leave these three empty. `root_value` and
    `raw_value` float32[players] are the utility in [0, 1] of each absolute seat after search and by
    the bare network. `model` says which of the game's models searched. `surprise` is
    KL(policy || the network's prior) in nats, NaN where nobody noted it.
    """

    step: int
    full: bool
    actions: NDArray[np.int32]
    policy: NDArray[np.float16]
    visits: NDArray[np.int32]
    root_value: NDArray[np.float32]
    raw_value: NDArray[np.float32]
    simulations: int
    part: int = 0
    model: int = 0
    surprise: float = math.nan


class PackedRows(msgspec.Struct, frozen=True, array_like=True):
    """Rows by columns: the numbers of all rows one after the other, `choices` of them per row."""

    steps: bytes
    parts: bytes
    models: bytes
    full: bytes
    simulations: bytes
    choices: bytes
    actions: bytes
    policy: bytes
    visits: bytes
    root_values: bytes
    raw_values: bytes
    surprises: bytes = b""  # not noted by the first writers of version 2


def pack_rows(rows: Sequence[DecisionRow]) -> PackedRows:
    """The columns of `rows`."""
    return PackedRows(
        steps=np.array([row.step for row in rows], dtype="<i4").tobytes(),
        parts=np.array([row.part for row in rows], dtype="<i4").tobytes(),
        models=np.array([row.model for row in rows], dtype="<i4").tobytes(),
        full=np.array([row.full for row in rows], dtype="u1").tobytes(),
        simulations=np.array([row.simulations for row in rows], dtype="<i4").tobytes(),
        choices=np.array([len(row.actions) for row in rows], dtype="<i4").tobytes(),
        actions=b"".join(row.actions.astype("<i4").tobytes() for row in rows),
        policy=b"".join(row.policy.astype("<f2").tobytes() for row in rows),
        visits=b"".join(row.visits.astype("<i4").tobytes() for row in rows),
        root_values=b"".join(row.root_value.astype("<f4").tobytes() for row in rows),
        raw_values=b"".join(row.raw_value.astype("<f4").tobytes() for row in rows),
        surprises=np.array([row.surprise for row in rows], dtype="<f4").tobytes(),
    )


def unpack_rows(packed: PackedRows, players: int) -> tuple[DecisionRow, ...]:
    """The rows of `packed`; raises ValueError when the columns do not fit each other."""
    columns = (packed.steps, packed.parts, packed.models, packed.simulations, packed.choices)
    steps, parts, models, simulations, choices = (np.frombuffer(c, "<i4") for c in columns)
    full = np.frombuffer(packed.full, "u1")
    if not len(steps) == len(parts) == len(models) == len(simulations) == len(choices) == len(full):
        raise ValueError("has columns of unequal length.")
    root_values = np.frombuffer(packed.root_values, "<f4").reshape(len(steps), players)
    raw_values = np.frombuffer(packed.raw_values, "<f4").reshape(len(steps), players)
    actions = np.frombuffer(packed.actions, "<i4")
    policy = np.frombuffer(packed.policy, "<f2")
    visits = np.frombuffer(packed.visits, "<i4")
    surprises = np.frombuffer(packed.surprises, "<f4")
    if not packed.surprises:
        surprises = np.full(len(steps), np.nan, np.float32)
    if len(surprises) != len(steps):
        raise ValueError("has columns of unequal length.")
    if np.any(choices < 0) or not (
        len(actions) == len(policy) == len(visits) == int(choices.sum(dtype=np.int64))
    ):
        raise ValueError("has choices that do not add up.")
    ends: list[int] = np.cumsum(choices).tolist()
    starts = [0, *ends]
    return tuple(
        DecisionRow(
            step=int(steps[i]),
            full=bool(full[i]),
            actions=actions[starts[i] : end],
            policy=policy[starts[i] : end],
            visits=visits[starts[i] : end],
            root_value=root_values[i],
            raw_value=raw_values[i],
            simulations=int(simulations[i]),
            part=int(parts[i]),
            model=int(models[i]),
            surprise=float(surprises[i]),
        )
        for i, end in enumerate(ends)
    )


def check_rows(rows: Sequence[DecisionRow], *, steps: int, players: int, models: int) -> None:
    """Raise ValueError unless `rows` are those of a game of so many steps, seats and models."""
    last = (-1, 0)
    for row in rows:
        if not last < (row.step, row.part) or not 0 <= row.step < steps or row.part < 0:
            raise ValueError(f"has a decision at step {row.step}, part {row.part}, out of order.")
        last = (row.step, row.part)
        if not len(row.actions) == len(row.policy) == len(row.visits):
            raise ValueError(f"step {row.step}: choices of unequal number.")
        if not len(row.root_value) == len(row.raw_value) == players:
            raise ValueError(f"step {row.step}: values for the wrong seats.")
        if row.full and not len(row.actions):
            raise ValueError(f"step {row.step}: a full search without policy.")
        if not 0 <= row.model < models:
            raise ValueError(f"step {row.step}: model {row.model} of {models}.")
