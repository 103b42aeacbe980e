"""The fourth screen: the cluster itself: leader, quorum, members, and what changed among them."""
