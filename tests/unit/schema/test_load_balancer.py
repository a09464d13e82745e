from typing import Any

import pytest
from pydantic import ValidationError

from homeport.core import canonical
from homeport.core.balance.balancing import Balancing, HealthCheck, Sticky
from homeport.core.policy import Policy
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.load_balancer import LoadBalancer, StickySessions

BASE = {
    "id": "chat",
    "worker": {"model": {"id": "m"}},
    "nodepools": [{"id": "p", "compute_cluster": {"id": "c"}}],
}


def policy(**said: Any) -> Policy:
    return DeploymentSpec.model_validate({**BASE, **said}).policy()


def test_what_says_nothing_costs_nothing() -> None:
    assert policy().balancing is None
    assert policy(load_balancer={"algorithm": "least_connections"}).balancing is None
    assert not policy().drain_abandoned


def test_gateways_and_agents_are_told_all_of_it() -> None:
    told = policy(
        load_balancer={
            "algorithm": "power_of_two",
            "sticky_sessions": {"by": "header", "name": "X-Session"},
            "health_check": {"path": "/well", "interval_seconds": 10},
        },
        on_client_disconnect="drain",
    )
    assert told.balancing == Balancing("power_of_two", Sticky("header", "x-session"), HealthCheck("/well", 10.0))
    assert told.drain_abandoned
    assert canonical.loads(Policy, canonical.dumps(told)) == told


@pytest.mark.parametrize(
    ("sticky", "words"),
    [
        ({"by": "cookie"}, "need one"),
        ({"by": "header"}, "need one"),
        ({"by": "client_ip", "name": "x"}, "goes with `by: header`"),
        ({"by": "cookie", "name": "a b"}, "pattern"),
        ({"by": "cookie", "name": "a;b"}, "pattern"),
        ({"by": "header", "name": "x_session"}, "underscore"),
    ],
)
def test_names_are_those_of_headers_and_cookies(sticky: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        StickySessions.model_validate(sticky)


@pytest.mark.parametrize("path", ["well", "/a b", "/a\r\nx: y"])
def test_a_path_is_one(path: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        LoadBalancer.model_validate({"health_check": {"path": path}})
