"""Which function is for which command."""

from collections.abc import Callable
from typing import Any

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Effect
from ringrift.node.cluster.transitions import claims, members, models, work
from ringrift.node.cluster.transitions.base import Place, Tables

TRANSITIONS: dict[type[c.Command], Callable[[Tables, Any, Place], Effect]] = {
    c.Blank: members.blank,
    c.ChangeVoters: members.change_voters,
    c.OpenSession: members.open_session,
    c.ExpireSession: members.expire_session,
    c.JoinMember: members.join_member,
    c.CreateToken: members.create_token,
    c.ExpireToken: members.expire_token,
    c.AdmitMember: members.admit_member,
    c.RevokeMember: members.revoke_member,
    c.ChangeRole: members.change_role,
    c.SetTiming: members.set_timing,
    c.TransferLeadership: members.transfer_leadership,
    c.RaiseFormat: members.raise_format,
    c.SetNodeMode: members.set_node_mode,
    c.RestartNode: members.restart_node,
    c.ResetCircuits: members.reset_circuits,
    c.SetConfigMode: members.set_config_mode,
    c.AddWork: work.add_work,
    c.RetryWork: work.retry_work,
    c.ClaimWork: claims.claim_work,
    c.CompleteWork: work.complete_work,
    c.ReturnWork: work.return_work,
    c.FailWork: work.fail_work,
    c.ExpireClaim: work.expire_claim,
    c.ReapClaim: work.reap_claim,
    c.ReleaseWork: work.release_work,
    c.CancelWork: work.cancel_work,
    c.EvictWork: work.evict_work,
    c.RegisterShard: work.register_shard,
    c.SetGenerator: models.set_generator,
    c.Promote: models.promote,
    c.Reject: models.reject,
}
