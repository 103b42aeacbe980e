"""What peers say, handed to whoever it concerns: the voter, the clerk, the feed, an asker.

A node makes its switchboard first, then its replica, which speaks through it, and connects the two.
"""

from collections.abc import Callable, Mapping, Sequence

import trio

from ringrift.node.cluster.commands import Command
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.voter import Voter
from ringrift.node.gossip.driver import Gossiping
from ringrift.node.net.asking import Asking
from ringrift.node.net.clerk import Clerk
from ringrift.node.net.feeding import Feeder
from ringrift.node.net.following import Following
from ringrift.node.net.gateway import Gateway, Here
from ringrift.node.net.link import Link
from ringrift.node.net.mesh import Address, Dial, Mesh
from ringrift.node.runtime.clock import Clock
from ringrift.wire import peer as p
from ringrift.wire.gossip import GossipMessage
from ringrift.wire.raft import RaftMessage


class Switchboard:
    """The peers of one node; see `Mesh` for `dial`, `wanted` and `admits`.

    `unheard` counts messages of Raft that came from, or to, who has no vote.
    """

    def __init__(
        self,
        me: p.Hello,
        incarnation: bytes,
        clock: Clock,
        timing: Timing,
        *,
        dial: Dial,
        wanted: Callable[[], Mapping[str, Sequence[Address]]],
        admits: Callable[[str], str | None],
        tried: Callable[[str, Address, bool], None] = lambda peer, address, reached: None,
    ) -> None:
        self._me, self._incarnation, self._clock, self._timing = me, incarnation, clock, timing
        self.mesh = Mesh(
            me,
            incarnation,
            clock,
            dial=dial,
            wanted=wanted,
            admits=admits,
            receive=self._receive,
            found=self._found,
            lost=self._lost,
            tried=tried,
        )
        self._asking = Asking(clock, 2 * timing.patience)
        self._leader: Callable[[], str | None] = lambda: None
        self.gateway = Gateway(me.node, lambda: self._leader(), self.mesh.links, self._asking)
        self.unheard = 0
        self._named: str | None = None
        self._voter: Voter | None = None
        self._follower: Follower | None = None
        self._clerk: Clerk | None = None
        self._feeder: Feeder | None = None
        self._following: Following | None = None
        self._gossip: Gossiping | None = None
        self._nursery: trio.Nursery | None = None

    def send(self, to: str, message: RaftMessage) -> None:
        """Carry a message of Raft: the `Transport` of a voter."""
        self.mesh.send(to, message)

    def connect_voter(
        self, voter: Voter, here: Here, forbids: Callable[[str, int, Command], str | None]
    ) -> None:
        """Serve peers from a voter of this node; `forbids` is the `Clerk`'s."""
        self._voter, self._leader = voter, lambda: voter.leader_id
        self.gateway = Gateway(self._me.node, self._leader, self.mesh.links, self._asking, here)
        self._clerk = Clerk(here, forbids)
        self._feeder = Feeder(voter, self._incarnation, self._clock, self._timing)

    def connect_follower(self, follower: Follower) -> None:
        """Feed a follower of this node from its peers, and others from it."""
        self._follower, self._leader = follower, lambda: follower.leader_id
        self._feeder = Feeder(
            follower, self._incarnation, self._clock, self._timing, lambda: follower.age_s
        )
        self._following = Following(follower, self._sources, self._clock, self._timing)

    def connect_gossip(self, gossip: Gossiping) -> None:
        """Let gossip hear what peers say of each other, and what becomes of links."""
        self._gossip = gossip

    def gossip_to(self, peer: str, message: GossipMessage) -> bool:
        """Carry a message of gossip, if there is a link with room for it."""
        link = self.mesh.links.get(peer)
        return link is not None and link.say(p.Gossip(message))

    def redial_failed(self, peer: str) -> None:
        """A peer could not be reached."""
        if self._gossip is not None and peer not in self.mesh.links:
            self._gossip.redial_failed(peer)

    async def run(self) -> None:
        """Link, serve and follow until cancelled; raises ReplicaStoppedError with the replica."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self.mesh.run)
                if self._feeder is not None:
                    nursery.start_soon(self._feeder.run)
                if self._following is not None:
                    nursery.start_soon(self._following.run)
        finally:
            # Streams that were accepted live in another nursery, and may speak a little longer.
            self._nursery = None
            for link in list(self.mesh.links.values()):
                link.close()

    def _believes(self, voter: Voter, peer: str) -> bool:
        """Whether what a peer says of Raft counts: it votes or may, or another that does says that
        it leads; a voter that was away while it was made one could not know it otherwise.

        From a plain node it does not: one that was broken into would pass for a leader.
        """
        state = voter.state
        row = state.members.rows.get(peer)
        eligible = row is not None and row.role == "voter"
        return eligible or peer in voter.voters or peer == self._named or state.index == 0

    def _note_leader(self, peer: str, leader: str | None) -> None:
        if self._voter is not None and leader is not None and self._believes(self._voter, peer):
            self._named = leader

    def _sources(self) -> list[Link]:
        """Whom to be fed by: voters, and others only while there is no stream to any."""
        voters = () if self._follower is None else self._follower.voters
        links = [self.mesh.links[peer] for peer in sorted(self.mesh.links)]
        return [link for link in links if link.peer in voters] or links

    def _found(self, peer: str) -> None:
        if self._gossip is not None:
            self._gossip.linked(peer)
        if self._following is not None:
            self._following.look()

    def _lost(self, peer: str) -> None:
        self._asking.lost(peer)
        if self._gossip is not None:
            self._gossip.lost(peer)
        if self._feeder is not None:
            self._feeder.lost(peer)
        if self._following is not None:
            self._following.lost(peer)

    def _receive(self, link: Link, message: p.PeerMessage) -> None:
        match message:
            case p.Consensus(message=raft):
                if self._voter is not None and self._believes(self._voter, link.peer):
                    self._voter.deliver(link.peer, raft)
                else:
                    self.unheard += 1
            case p.Propose() | p.Barrier() | p.Renew():
                if self._clerk is not None and self._nursery is not None:
                    self._clerk.take(self._nursery, link, message)
                else:
                    leader = self._leader()
                    link.say(p.NotProposed(message.request, "not_leader", leader))
            case p.Proposed() | p.Decided() | p.Renewed() | p.NotProposed():
                if isinstance(message, p.NotProposed):
                    self._note_leader(link.peer, message.leader)
                self._asking.answered(link.peer, message)
            case p.Follow():
                if self._feeder is not None:
                    self._feeder.asked(link, message)
            case p.Taken():
                if self._feeder is not None:
                    self._feeder.taken(link, message)
            case p.Fed() | p.FedSnapshot():
                if self._following is not None:
                    self._following.hear(link, message)
            case p.Gossip(message=gossip):
                if self._gossip is not None:
                    self._gossip.receive(link.peer, gossip)
            case p.Hello() | p.Alive():
                pass
