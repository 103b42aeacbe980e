"""Who lives, and how each node is: SWIM with Lifeguard, and soft state, as a pure core.

    places     whom there is, and who may observe whom (from the replicated member table)
    beliefs    what is believed of each member: a lattice of (boot, incarnation, status)
    probing    pings, by others where the direct way fails, and what a failure means
    health     how well this node itself is as an observer
    rumours    what is to be told onwards, to whom still, and how often
    softstate  the newest soft state of each node
    pace       how much of the cluster is seen, and how often two nodes compare all they know
    timing     every duration, from the profile
    timers     what is due when, in time that this process has lived through
    core       `Gossip`: all of these together; each call returns what to send
    driver     `Gossiping`: the core under a clock and on streams

A member is probed by whoever may have a stream with it. A failed probe makes a suspicion, which
spreads as a rumour; other observers probe the suspect soon, each failure of theirs shortens its
time, and each message to it tells it. It denies by a higher incarnation, or is declared dead by an
observer, and all believe that.
"""
