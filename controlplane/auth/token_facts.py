"""What must be known of an access token to decide without asking anybody: plain JSON, as gateways get it."""

from collections import defaultdict
from collections.abc import Callable

from controlplane.store.store import Kind, Record, Store
from homeport.gateway.callers.access_tokens import Facts

# Tokens that were made when there was only one user name no owner.
_FIRST_USER = "user/admin"
_OWNERS = {"user": Kind.USER, "service_account": Kind.SERVICE_ACCOUNT}


def facts_in(store: Store) -> Callable[[str], Facts | None]:
    """Of a token id, from memory; None for one that is unknown or whose owner is disabled."""
    directory = TokenDirectory(store)
    return directory.facts


class TokenDirectory:
    """Who holds which roles, gathered once per state of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seq = -1
        # subject -> [role, scope] of each of its own bindings; user -> its teams
        self._held: dict[str, list[list[str]]] = {}
        self._teams: dict[str, list[str]] = {}
        self._facts: dict[str, Facts] = {}

    def facts(self, token_id: str) -> Facts | None:
        record = self._store.get(Kind.ACCESS_TOKEN, token_id)
        return None if record is None else self._facts_of(record)

    def roles_of(self, subject: str) -> list[list[str]]:
        """[role, scope] of each binding of a subject and of its teams."""
        self._gather()
        found = [*self._held.get(subject, ())]
        for team in self._teams.get(subject, ()):
            found += self._held.get(team, ())
        return found

    def all(self) -> dict[str, Facts]:
        """By token id, of those that are accepted."""
        found = ((record.id, self._facts_of(record)) for record in self._store.all(Kind.ACCESS_TOKEN))
        return {id: facts for id, facts in found if facts is not None}

    def _facts_of(self, record: Record) -> Facts | None:
        self._gather()
        known = self._facts.get(record.id)
        if known is None:
            owner = owner_of(record)
            if not self._is_accepted(owner):
                return None
            known = self._facts[record.id] = {
                "name": record.spec["name"],
                "owner": owner,
                "secret_sha256": record.spec["secret_sha256"],
                "previous": record.spec.get("previous"),
                "expires_at": record.spec.get("expires_at"),
                "limit": record.spec.get("permissions"),
                "models": record.spec.get("models"),
                "session": (record.spec.get("session") or {}).get("via", ""),
                "limits": record.spec.get("limits"),
                "grants": self.roles_of(owner),
            }
        return known

    def _is_accepted(self, owner: str) -> bool:
        kind, _, id = owner.partition("/")
        record = self._store.get(_OWNERS[kind], id)
        return record is not None and not record.spec.get("disabled", False)

    def _gather(self) -> None:
        if self._seq == self._store.seq:
            return
        self._seq = self._store.seq
        self._facts = {}
        held: defaultdict[str, list[list[str]]] = defaultdict(list)
        for binding in self._store.all(Kind.ROLE_BINDING):
            held[binding.spec["subject"]].append([binding.spec["role"], binding.spec["scope"]])
        teams: defaultdict[str, list[str]] = defaultdict(list)
        in_group = self._users_by_group()
        for team in self._store.all(Kind.TEAM):
            claimed = (user for group in team.spec.get("oidc_groups", ()) for user in in_group.get(group, ()))
            for member in sorted({*team.spec["members"], *claimed}):
                teams[f"user/{member}"].append(f"team/{team.id}")
        self._held, self._teams = dict(held), dict(teams)

    def _users_by_group(self) -> dict[str, list[str]]:
        """As the OpenID provider has said when each signed in last."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for user in self._store.all(Kind.USER):
            if user.spec.get("oidc"):
                for group in user.status.get("groups", ()):
                    found[group].append(user.id)
        return dict(found)


def owner_of(token: Record) -> str:
    """`user/ID` or `service_account/ID`."""
    owner: str = token.spec.get("owner") or _FIRST_USER
    return owner
