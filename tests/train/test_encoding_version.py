"""Weights and planes must mean the same: whoever changes the encoding must say so."""

import hashlib

import numpy as np

from ringrift.engine.config import Config
from ringrift.engine.kernels import choose, new_scratch, settle
from ringrift.engine.players import random_choice
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import tables_for
from ringrift.engine.state import new_state
from ringrift.train.encode import write_actions, write_batch
from ringrift.train.weights import ENCODING_VERSION

PINNED = {2: "7688f7717a899ce898c0393bd23b58ad10ec1c136f0ab6b32cac0331ad6de815"}


def digest_of_a_random_game(config: str) -> bytes:
    t = tables_for(Config.parse(config))
    scratch, rng, state = new_scratch(t), seed_rng(1), new_state(t)
    legal, log = np.zeros(t.max_moves, np.int64), np.zeros(256, np.int64)
    actions = np.zeros(t.max_moves, np.int32)
    planes = np.zeros((1, t.planes, t.height, t.width), np.float32)
    digest = hashlib.sha256()
    n, _ = settle(t, state, legal, log, scratch)
    while n:
        write_batch(t, state[None], planes, scratch)
        write_actions(t, state, legal, n, actions)
        digest.update(planes.tobytes() + np.sort(actions[:n]).tobytes())
        choose(t, state, int(legal[random_choice(t, state, legal, n, rng)]), scratch)
        n, _ = settle(t, state, legal, log, scratch)
    return digest.digest()


def test_a_change_of_planes_or_policy_indices_raises_the_encoding_version():
    """If this fails, raise ENCODING_VERSION in train/weights.py and pin the new digest here."""
    found = b"".join(digest_of_a_random_game(config) for config in ("hex8_2p", "square8_3p"))
    assert hashlib.sha256(found).hexdigest() == PINNED[ENCODING_VERSION]
