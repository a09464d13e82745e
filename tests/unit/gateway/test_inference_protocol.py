"""The Open Inference Protocol v2 over HTTP: what the gateway answers, and what it hands on."""

import json

from tests.fakes.data_plane import DataPlane
from tests.fakes.model_server import ModelServer


async def test_health_needs_no_token_and_the_rest_does() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert (await client.ask("GET", path, token="wrong"))[0] == 200
        for path in ("/v2", "/v2/repository/index", "/v2/models/chat/ready"):
            status, headers, body = await client.ask("GET", path, token="")
            assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="homeport"')
            assert "access token" in json.loads(body)["error"]


async def test_the_server_and_its_models_are_described() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        _, _, body = await client.ask("GET", "/v2")
        assert json.loads(body)["name"] == "homeport"
        expected = {"name": "chat", "version": "", "state": "UNAVAILABLE", "reason": ""}
        _, _, body = await client.ask("POST", "/v2/repository/index", b"{}")
        assert json.loads(body) == [expected]
        await plane.serve(ModelServer())
        _, _, body = await client.ask("POST", "/v2/repository/index")
        assert json.loads(body) == [expected | {"state": "READY"}]


async def test_inference_passes_as_it_is_and_errors_have_the_protocols_shape() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        body = b'{"inputs":[]}\0\1\2'
        headers = "inference-header-content-length: 13\r\ncontent-encoding: gzip\r\naccept-encoding: gzip\r\n"
        status, _, answer = await client.ask("POST", "/v2/models/tiny/versions/1/infer", body, headers)
        assert (status, answer) == (200, body)
        seen = server.calls[0].headers
        assert server.calls[0].line == "POST /v2/models/tiny/versions/1/infer HTTP/1.1"
        assert (seen["inference-header-content-length"], seen["content-encoding"]) == ("13", "gzip")
        status, _, answer = await client.ask("POST", "/v2/models/tyni/infer", b"{}")
        error = json.loads(answer)
        assert (status, error["code"]) == (404, "not_found")
        assert "tiny" in error["error"]
        assert (await client.ask("GET", "/v2/users/me"))[0] == 404
