"""Errors about objects that name each other."""

from collections.abc import Callable, Iterable, Sequence

from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean

# How many users of an object an error names.
_NAMED = 5
_NOUNS = {
    Kind.PROJECT: "project",
    Kind.SECRET: "secret",
    Kind.INSTANCE_TYPE: "instance type",
    Kind.CLUSTER: "cluster",
    Kind.NODEPOOL: "nodepool",
    Kind.NODE: "node",
    Kind.MODEL: "model",
    Kind.MODEL_VERSION: "model version",
    Kind.DEPLOYMENT: "deployment",
    Kind.REVISION: "revision",
    Kind.PLACEMENT: "placement",
    Kind.JOIN_TOKEN: "join token",
    Kind.ACCESS_TOKEN: "access token",
    Kind.TOKEN_USAGE: "usage of an access token",
    Kind.USER: "user",
    Kind.SERVICE_ACCOUNT: "service account",
    Kind.TEAM: "team",
    Kind.ROLE_BINDING: "role binding",
    Kind.PASSWORD: "password",
    Kind.GATEWAY: "gateway",
}


def noun(kind: Kind) -> str:
    return _NOUNS[kind]


def missing(kind: Kind, id: str, known: Iterable[str], path: str = "") -> HomeportError:
    """NOT_FOUND with near matches."""
    names = sorted(known)
    otherwise = f"there are {', '.join(names[:_NAMED])}" if names else f"there is no {noun(kind)} yet"
    return HomeportError(
        ErrorCode.NOT_FOUND,
        f"{noun(kind)} {id} does not exist",
        hint=did_you_mean(id, names, otherwise),
        path=path,
    )


def parent(tx: Transaction, kind: Kind, id: str, path: str) -> Record:
    """The object that a field refers to. Raises NOT_FOUND with the field's path."""
    record = tx.get(kind, id)
    if record is None:
        raise missing(kind, id, (each.id for each in tx.all(kind)), path)
    return record


class NamesOthers(HomeportError):
    """An error that names objects beside the one it is about: its reader may not be allowed to see them. `tell` words
    it for those that may be named, and a number of others."""

    def __init__(self, others: Sequence[Record], tell: Callable[[Sequence[Record], int], HomeportError]) -> None:
        self.others = others
        self._tell = tell
        told = tell(others, 0)
        super().__init__(told.code, told.message, hint=told.hint, path=told.path)

    def naming(self, seen: Sequence[Record]) -> HomeportError:
        """For somebody who sees only these of them."""
        return self._tell(seen, len(self.others) - len(seen))

    def with_path(self, path: str) -> HomeportError:
        return NamesOthers(self.others, lambda seen, hidden: self._tell(seen, hidden).with_path(path))


def in_use(
    what: str, relation: str, users: Sequence[Record], hint: str, name: Callable[[Record], str] | None = None
) -> HomeportError:
    """`what` cannot go: `relation` `users`, each by its `name`, as people call it."""

    def tell(seen: Sequence[Record], hidden: int) -> HomeportError:
        names = sorted({(name or _name)(each) for each in seen})
        parts = [", ".join(names[:_NAMED])] if names else []
        parts += [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
        parts += [f"{hidden} that you may not see"] if hidden else []
        return HomeportError(ErrorCode.IN_USE, f"{what} is in use: {relation} {' and '.join(parts)}", hint=hint)

    return NamesOthers(users, tell)


def _name(of: Record) -> str:
    """As people call it."""
    match of.kind:
        case Kind.NODE:
            return str(of.spec["name"])
        case Kind.MODEL_VERSION:
            return str(of.spec["id"])
    return of.id
