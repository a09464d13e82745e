"""What clients speak, by the clients that people use, through real processes; they are told address and token."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx
import openai
import pytest

from tests.system.conftest import ROOT
from tests.system.site import Site, documents

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("protocols")]

MODEL = ROOT / "tests" / "fakes" / "protocols_model.py"
TRITON = ROOT / "tests" / "fakes" / "triton_caller.py"
PATIENCE = 120.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    *others, version, deployment = documents()
    command = [sys.executable, str(MODEL), "{port}"]
    version["model_version"] |= {"command": command, "served_model_name": "org/real"}
    with Site(tmp_path_factory.mktemp("protocols")) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": [*others, version, deployment]})
        assert site.join(site.new_join_token()).returncode == 0
        site.start_agent()
        site.until(lambda: site.ask("warm", "/d/echo/any")["body"] == "warm", "the first answer", PATIENCE)
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{site.url(site.gateway_port)}/v1", api_key=site.token, timeout=PATIENCE, max_retries=0
    ) as client:
        yield client


def test_openai_chat_with_and_without_a_stream(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["echo"]
    answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "hello"}])
    assert answer.choices[0].message.content == "I heard: hello"
    with client.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "hello"}], stream=True
    ) as stream:
        assert [chunk.choices[0].delta.content for chunk in stream] == ["I ", "heard: ", "hello"]
    with pytest.raises(openai.NotFoundError, match="there is no model 'ehco'"):
        client.embeddings.create(model="ehco", input="hello")
    assert client.embeddings.create(model="echo", input="hello", encoding_format="float").data[0].embedding == [
        0.5,
        1.5,
    ]
    assert client.images.generate(model="echo", prompt="a port").data[0].b64_json == "aGVsbG8="  # type: ignore[index]


def test_openai_uploads_and_files(client: openai.OpenAI, tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    sound.write_bytes(bytes(5_000_000))
    assert client.audio.transcriptions.create(model="echo", file=sound).text == "5000000 bytes of sound"
    # These name no model: they go to the only deployment.
    file = client.files.create(file=("a.jsonl", b'{"x":1}' * 400_000), purpose="batch")
    assert client.files.retrieve(file.id).bytes == 2_800_000
    assert client.files.content(file.id).read() == b'{"x":1}' * 400_000
    assert client.files.delete(file.id).deleted


def test_any_method_at_a_path(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.token}"}
    with httpx.Client(base_url=site.url(site.gateway_port), headers=headers, timeout=PATIENCE) as client:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            body = "" if method == "GET" else "hello"
            answer = client.request(method, "/d/echo/any?x=1&y=%2F", content=body)
            assert answer.json() == {"method": method, "path": "/any?x=1&y=%2F", "body": body}
        assert client.head("/d/echo/any").status_code == 200


def test_a_websocket(site: Site) -> None:
    async def talk() -> None:
        url = f"{site.url(site.gateway_port)}/v1/realtime?model=echo"
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url)
            assert refused.value.status == 401
            # As a browser does it: the token is one of the subprotocols.
            protocols = ("realtime", f"homeport.bearer.{site.token}")
            async with session.ws_connect(url, protocols=protocols, max_msg_size=0) as socket:
                assert socket.protocol == "realtime"
                for text in ("hello", "x" * 1_000_000):
                    await socket.send_str(text)
                    assert await socket.receive_str(timeout=PATIENCE) == text.upper()
                await socket.send_bytes(b"a" * 300_000)
                assert await socket.receive_bytes(timeout=PATIENCE) == b"A" * 300_000
                await socket.ping()
                await socket.close()
            # The model has answered that: a connection that broke would be 1006.
            assert socket.close_code == 1000

    asyncio.run(talk())


def test_tritonclient_over_http(site: Site) -> None:
    # In a process of its own: it brings its own event loop.
    told = subprocess.run(
        [sys.executable, str(TRITON), f"127.0.0.1:{site.gateway_port}", site.token],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "live": True,
        "ready": True,
        "server": "homeport",
        "index": ["echo"],
        "model_ready": True,
        "inputs": ["x"],
        "binary": [2.0, 3.0],
        "compressed": [2.0, 3.0],
        "unknown": "there is no model 'ehco'",
    }
