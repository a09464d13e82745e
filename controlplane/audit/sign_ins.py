"""Who has signed in and out, in the audit log, with the transaction that does it."""

from controlplane.audit.actor import actor
from controlplane.store.audit import AuditEntry, Result
from controlplane.store.store import Transaction


def note_sign_in(tx: Transaction, user_id: str, session_id: str, how: str) -> None:
    """`how`: by password, by sso."""
    _note(tx, "sign-in", user_id, session_id, {"session": session_id, "how": how})


def note_sign_out(tx: Transaction, user_id: str, session_id: str) -> None:
    _note(tx, "sign-out", user_id, session_id, None)


def _note(tx: Transaction, action: str, user_id: str, session_id: str, after: dict[str, str] | None) -> None:
    who = (f"user/{user_id}", session_id, actor().address, actor().request_id)
    details = {"request": actor().request, "before": None, "after": after}
    tx.audit(AuditEntry(*who, action, "user", user_id, Result.DONE, details))
