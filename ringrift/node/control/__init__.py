"""The leader's controllers as pure reconcilers: state and settings in, commands out.

Each module answers one question (what to queue, when to fit, whom to evaluate, what to promote,
which leases ran out) from the replicated state, the settings and a few figures of now. The driver
proposes the commands in order and waits for them before it asks again, so that none is decided on a
stale picture.
"""
