"""A leader of a new term ends nothing that it has not itself seen unrenewed for a whole term."""

from cluster_support import Ledger

from ringrift.node.cluster.commands import ExpireClaim, ExpireSession
from ringrift.node.control.leadership import Leadership, Patience


def test_claims_and_sessions_end_by_what_this_term_has_seen() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim
    leads = Leadership(Patience(claim_s=10.0, session_s=10.0, overrun_s=10.0, unwanted_s=10.0))
    assert leads.ended_claims(1, ledger.state, 0.0) == []
    assert leads.ended_sessions(1, ledger.state, 0.0) == []
    # Another node led in term 2; in term 3 this one knows nothing of what was renewed there.
    assert leads.ended_claims(3, ledger.state, 50.0) == []
    assert leads.ended_sessions(3, ledger.state, 50.0) == []
    assert leads.ended_claims(3, ledger.state, 59.9) == []
    assert leads.renew(3, ledger.state, "n", [(item, claim), (99, 1)], 59.9) == ((99, 1),)
    assert leads.ended_claims(3, ledger.state, 69.8) == []
    assert leads.ended_claims(3, ledger.state, 69.9) == [ExpireClaim(item=item, claim=claim)]
    (ended,) = leads.ended_sessions(3, ledger.state, 60.0)
    assert isinstance(ended, ExpireSession)
