"""Whom to ask for a blob: the maker first, those who disappointed last, nobody who cannot serve."""

import random

from cluster_support import ALL_KINDS, Ledger, able, life, sha, shard, trained, training
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Reach
from ringrift.node.data.sources import LATELY_S, MOST_NOTES, Origin, Sources, origin_of
from ringrift.wire.join import Place

NODES = [f"node-{number}" for number in range(6)]
AT = Reach(addresses=(Place("10.0.0.1", 8775),))
REACHES = st.sampled_from([AT, AT, AT, Reach(), Reach(inbound=False, addresses=AT.addresses)])


def ledger_of(reaches: dict[str, Reach], trains: set[str]) -> Ledger:
    ledger = Ledger.founded()
    for node, reach in reaches.items():
        abilities = able(kinds=ALL_KINDS if node in trains else ("selfplay",))
        said = life(abilities=abilities, reach=reach)
        ledger.do(c.JoinMember(node=node, name=node, life=said))
    return ledger


def made_by(ledger: Ledger, node: str, number: int = 7) -> str:
    """A shard that a node registered."""
    ledger.enter(0, 0, c.OpenSession(owner=node, boot=1))
    command = c.RegisterShard(item=4711, claim=1, shard=shard(number))
    ledger.enter(ledger.state.index, 1, command)
    return sha(number)


@given(
    st.dictionaries(st.sampled_from(NODES), REACHES),
    st.sets(st.sampled_from(NODES)),
    st.sampled_from(NODES),
    st.sets(st.sampled_from(NODES)),
    st.sets(st.sampled_from(NODES)),
    st.integers(0, 1000),
)
def test_the_order_holds_for_any_town(
    reaches: dict[str, Reach],
    trains: set[str],
    maker: str,
    failed: set[str],
    lacked: set[str],
    seed: int,
) -> None:
    ledger = ledger_of(reaches, trains)
    blob = made_by(ledger, maker)
    sources = Sources("node-0")
    for node in failed:
        sources.failed(node, 100.0)
    for node in lacked:
        sources.lacked(node, blob, 100.0)
    order = sources.order(ledger.state, blob, 101.0, random.Random(seed))
    asked = [source.node for source in order]
    serves = {node for node, reach in reaches.items() if reach.inbound and reach.addresses}
    assert sorted(asked) == sorted(serves - {"node-0"})
    bad = failed | lacked
    ranks = [(node in bad, node != maker, node not in trains) for node in asked]
    assert ranks == sorted(ranks)
    assert all(source.addresses == AT.addresses for source in order)


def test_alike_nodes_are_asked_in_any_order_but_the_same_for_the_same_seed() -> None:
    ledger = ledger_of(dict.fromkeys(NODES, AT), set())
    sources = Sources("node-0")

    def order(seed: int) -> tuple[str, ...]:
        found = sources.order(ledger.state, sha(1), 0.0, random.Random(seed))
        return tuple(source.node for source in found)

    assert order(1) == order(1)
    assert len({order(seed)[0] for seed in range(50)}) == 5


def test_what_is_noted_of_a_node_passes() -> None:
    ledger = ledger_of(dict.fromkeys(NODES[:3], AT), set())
    blob = made_by(ledger, "node-1")
    sources = Sources("node-0")

    def first(sha256: str, now: float) -> str:
        return sources.order(ledger.state, sha256, now, random.Random(1))[0].node

    sources.lacked("node-1", blob, 0.0)
    assert first(blob, 1.0) == "node-2"
    assert first(made_by(ledger, "node-1", 8), 1.0) == "node-1"
    assert first(blob, LATELY_S) == "node-1"
    for number in range(2 * MOST_NOTES):
        sources.lacked("node-2", sha(number), LATELY_S)
    assert first(blob, LATELY_S) == "node-1"


def test_a_revoked_node_is_not_asked() -> None:
    ledger = ledger_of(dict.fromkeys(NODES[:3], AT), set())
    ledger.do(c.RevokeMember(member="node-1", by="n"))
    order = Sources("node-0").order(ledger.state, sha(1), 0.0, random.Random(1))
    assert [source.node for source in order] == ["node-2"]


def test_the_origin_of_shards_and_models_is_known_and_of_nothing_else() -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    item = ledger.add(training((sha(1),)))
    claim = ledger.claim().claim
    ledger.do(c.CompleteWork(item=item, claim=claim, outcome=trained(sha(2))))
    assert origin_of(ledger.state, sha(1)) == Origin("n", 5000)
    assert origin_of(ledger.state, sha(2)) == Origin("n", 1000)
    assert origin_of(ledger.state, sha(3)) == Origin()
