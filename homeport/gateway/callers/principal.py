"""Whose access token it is, as gateways need to know it."""

from typing import Protocol

from homeport.core.access.grants import Grants
from homeport.core.limits.limits import Limits


class Principal(Protocol):
    """`models`: the deployments and models that it may invoke; None = all that `grants` allow."""

    @property
    def token_id(self) -> str: ...

    @property
    def grants(self) -> Grants: ...

    @property
    def models(self) -> frozenset[str] | None: ...

    @property
    def limits(self) -> Limits | None: ...
