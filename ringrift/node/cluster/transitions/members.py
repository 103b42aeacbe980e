"""Sessions, members, tokens, and what all agree on."""

from ringrift.node.cluster import charter
from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import MACHINES, Member, Role
from ringrift.node.cluster.queue import Failure
from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.tokens import Token, Used
from ringrift.node.cluster.transitions.base import Place, Tables
from ringrift.wire.events import AnyEvent, VotersChanged


def blank(tables: Tables, command: c.Blank, place: Place) -> Effect:
    return Effect(Done("nothing"))


def change_voters(tables: Tables, command: c.ChangeVoters, place: Place) -> Effect:
    if place.voters is None:
        return Effect(Refused("The entry names no voters; only a leader adds them."))
    done = Done(f"the voters are now {', '.join(place.voters)}")
    return Effect(done, (VotersChanged(voters=", ".join(place.voters)),))


def open_session(tables: Tables, command: c.OpenSession, place: Place) -> Effect:
    row = tables.members.rows.get(command.owner)
    if row is not None and row.revoked is not None:
        return Effect(Refused(f"{command.owner} is revoked."))
    return tables.sessions.open(place.index, command.owner, command.boot)


def expire_session(tables: Tables, command: c.ExpireSession, place: Place) -> Effect:
    return tables.sessions.expire(command.session, command.last_index)


def join_member(tables: Tables, command: c.JoinMember, place: Place) -> Effect:
    node, life = command.node, command.life
    wanted = tables.charter.agreed.format
    if life.supports < wanted:
        return Effect(Refused(f"The state has format {wanted}; {node} must be updated first."))
    effect = tables.members.join(node, command.name, command.key, life, place.at_ms)
    if isinstance(effect.result, Refused):
        return effect
    returned = _give_back(tables, node, life.boot, f"{node} started anew", place)
    return Effect(effect.result, effect.events + returned)


def _give_back(
    tables: Tables, node: str, before_boot: int | None, reason: str, place: Place
) -> tuple[AnyEvent, ...]:
    """Return a node's claims unhurt: all, or those of its lives before one."""
    events: list[AnyEvent] = []
    for item in list(tables.work.of(node)):
        assert item.claim is not None
        if before_boot is None or item.claim.boot < before_boot:
            failure = Failure(reason, counts=False)
            events += tables.work.release(item, place.at_ms, failure).events
    return tuple(events)


def create_token(tables: Tables, command: c.CreateToken, place: Place) -> Effect:
    row = Token(
        role=command.role,
        member=command.member,
        created_at_ms=place.at_ms,
        lifetime_s=command.lifetime_s,
    )
    return tables.tokens.create(command.token, row)


def expire_token(tables: Tables, command: c.ExpireToken, place: Place) -> Effect:
    return tables.tokens.expire(command.token)


def admit_member(tables: Tables, command: c.AdmitMember, place: Place) -> Effect:
    member, key = command.member, command.key
    token = tables.tokens.rows.get(command.token)
    if token is None:
        return Effect(Refused("The token is not known, or no longer good."))
    row = tables.members.rows.get(member)
    if token.used is not None:
        known = row is not None and row.key == key and row.revoked is None
        if known and token.used == Used(member, key):
            return Effect(Done(f"{member} is admitted as {token.role}"))
        return Effect(Refused("The token was used already."))
    if token.member not in (None, member):
        return Effect(Refused(f"The token is not for {member}."))
    if row is not None and token.member is None:
        # Else whoever has a token could take the place of a member that has no key yet.
        return Effect(Refused(f"{member} is a member already; choose another id."))
    effect = tables.members.admit(member, command.name, token.role, key)
    if not isinstance(effect.result, Refused):
        tables.tokens.use(command.token, member, key)
    return effect


def revoke_member(tables: Tables, command: c.RevokeMember, place: Place) -> Effect:
    member = command.member
    row = tables.members.rows.get(member)
    if row is None:
        return Effect(Refused(f"{member} is not a member."))
    if row.revoked is not None:
        return Effect(Done(f"{member} is revoked already"))
    if member in place.deciding:
        return Effect(Refused(f"{member} is one of the voters; make it a node first."))
    refused = _last_of_its_role(tables, row)
    if refused is not None:
        return Effect(refused)
    effect = tables.members.revoke(member, place.index)
    tables.sessions.end_of(member)
    returned = _give_back(tables, member, None, f"{member} was revoked", place)
    meant = [item.id for item in tables.work.pending() if item.target == member]
    freed = [event for item in meant for event in tables.work.widen(item).events]
    return Effect(effect.result, (*effect.events, *returned, *freed))


def change_role(tables: Tables, command: c.ChangeRole, place: Place) -> Effect:
    member, role = command.member, command.role
    row = tables.members.rows.get(member)
    if row is None or row.revoked is not None:
        return Effect(Refused(f"{member} is not a member (any more)."))
    if row.role == role:
        return Effect(Done(f"{member} is {role} already"))
    if (row.role in MACHINES) != (role in MACHINES):
        return Effect(Refused(f"{member} is a {row.role} and cannot become a {role}."))
    refused = _last_of_its_role(tables, row)
    return Effect(refused) if refused is not None else tables.members.change_role(member, role)


def _last_of_its_role(tables: Tables, row: Member) -> Refused | None:
    """Why a member must keep its role, None when the cluster can do without."""
    last: tuple[Role, ...] = ("voter", "operator")
    if row.role in last and tables.members.active(row.role) == 1:
        return Refused(f"{row.id} is the last {row.role}; admit another first.")
    return None


def set_timing(tables: Tables, command: c.SetTiming, place: Place) -> Effect:
    return tables.charter.set_timing(command.timing)


def transfer_leadership(tables: Tables, command: c.TransferLeadership, place: Place) -> Effect:
    if len(place.deciding) < 2:
        return Effect(Refused("There is no other voter to lead."))
    if command.to is not None and command.to not in place.deciding:
        return Effect(Refused(f"{command.to} is no voter; they are {', '.join(place.deciding)}."))
    return tables.charter.transfer(command.term, command.to)


def raise_format(tables: Tables, command: c.RaiseFormat, place: Place) -> Effect:
    """Raises CommandError, with nothing changed, when it is agreed on but this version cannot."""
    # One that never started cannot hold a state; when it joins, it must understand this one.
    supports = {row.id: row.life.supports for row in tables.members.machines() if row.life}
    late = [
        node
        for node in sorted({*supports, *place.deciding})
        if supports.get(node, 0) < command.format
    ]
    if late:
        return Effect(Refused(f"{', '.join(late[:5])} must be updated or revoked first."))
    if command.format > charter.SUPPORTED_FORMAT:
        raise c.CommandError(
            f"The cluster raises its state to format {command.format}; this version understands "
            f"{charter.SUPPORTED_FORMAT}."
        )
    return tables.charter.raise_format(command.format)


def set_node_mode(tables: Tables, command: c.SetNodeMode, place: Place) -> Effect:
    return tables.members.set_mode(command.node, command.mode, command.deadline_s)


def restart_node(tables: Tables, command: c.RestartNode, place: Place) -> Effect:
    return tables.members.request_restart(command.node)


def reset_circuits(tables: Tables, command: c.ResetCircuits, place: Place) -> Effect:
    return tables.members.reset_circuits(command.node)


def set_config_mode(tables: Tables, command: c.SetConfigMode, place: Place) -> Effect:
    return tables.configs.set_mode(command.config, command.mode)
