"""The audit log of a real server: over joining, restarts and kills."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from homeport_proto.v1 import enrollment_pb2 as pb
from homeport_proto.v1 import enrollment_pb2_grpc

from homeport.identity import SERVER_NAME
from tests.system.site import Site

pytestmark = pytest.mark.system

POOL = {"nodepool": {"id": "default", "compute_cluster": {"id": "home"}}}


def test_joins_denials_and_changes_are_there_after_a_kill(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": [{"compute_cluster": {"id": "home"}}]})
        site.api("POST", "/apply", {"documents": [POOL]})
        token = site.new_join_token()
        assert site.join(token).returncode == 0
        replayed = site.join(token, "other")
        assert replayed.returncode != 0
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(
                urllib.request.Request(
                    f"{site.url(site.api_port)}/api/v1/nodes", headers={"Authorization": "Bearer hp1.no.planted"}
                ),
                timeout=60,
            )
        site.kill(site.server)
        site.start_server()
        entries = site.every("/audit")
    said = [(entry["actor"], entry["action"], entry["kind"], entry["result"]) for entry in reversed(entries)]
    join = f"join_token/{token.split('.')[1]}"
    assert said == [
        ("user/admin", "create", "cluster", "done"),
        ("user/admin", "create", "nodepool", "done"),
        ("user/admin", "create", "join_token", "done"),
        *[each for each in said if each[0] == join and each[3] == "done"],
        (join, "sign-in", "", "denied"),
        ("", "sign-in", "", "denied"),
    ]
    assert (join, "create", "node", "done") in said
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    secret = token.split(".")[2]
    assert secret not in json.dumps(entries)
    assert "planted" not in json.dumps(entries)


def test_wrong_join_tokens_are_refused_ten_times_a_minute_and_then_not_looked_at(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": [{"compute_cluster": {"id": "home"}}]})
        site.api("POST", "/apply", {"documents": [POOL]})
        token = site.new_join_token()
        right = token.split(".")
        pinned = ssl.get_server_certificate(("127.0.0.1", site.enroll_port))
        wrong = ".".join([*right[:2], "x" * len(right[2]), right[3]])
        answers = [_enroll(site.enroll_port, pinned, wrong) for _ in range(15)]
        assert answers == ["UNAUTHENTICATED"] * 10 + ["RESOURCE_EXHAUSTED"] * 5
        assert _enroll(site.enroll_port, pinned, token) == "RESOURCE_EXHAUSTED"
        denied = [entry for entry in site.every("/audit") if entry["result"] == "denied"]
    assert len(denied) == 10


def _enroll(port: int, certificate: str, token: str) -> str:
    """The status that the enrollment port answers with."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    request = pb.EnrollRequest(join_token=token, csr=csr.public_bytes(serialization.Encoding.DER))
    credentials = grpc.ssl_channel_credentials(root_certificates=certificate.encode())
    options = [("grpc.ssl_target_name_override", SERVER_NAME)]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        try:
            enrollment_pb2_grpc.EnrollmentStub(channel).Enroll(request, timeout=60)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"
