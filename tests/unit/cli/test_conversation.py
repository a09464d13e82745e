from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli


def _events(*texts: str) -> list[bytes]:
    return [f'data: {{"choices": [{{"delta": {{"content": "{text}"}}}}]}}\n\n'.encode() for text in texts] + [
        b"data: [DONE]\n\n"
    ]


def test_one_message(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", _events("Hel", "lo"))
    ran = cli("chat", "d", "Hi", "--system", "Be kind", "--max-tokens", "8", "--temperature", "0")
    assert (ran.code, ran.out) == (0, "Hello\n")
    body = api.asked[0].body
    assert body["messages"] == [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}]
    assert (body["max_tokens"], body["temperature"]) == (8, 0.0)


def test_a_piped_message(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", _events("ok"))
    assert cli("chat", "d", stdin="line 1\nline 2\n").out == "ok\n"
    assert api.asked[0].body["messages"] == [{"role": "user", "content": "line 1\nline 2"}]


def test_a_conversation_remembers(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", _events("one"))
    api.answer("POST", "v1/chat/completions", _events("two"))
    ran = cli("chat", "d", stdin="first\n\nsecond\n", terminal=True)
    assert ran.code == 0
    assert [message["content"] for message in api.asked[1].body["messages"]] == ["first", "one", "second"]


def test_logs_are_printed_as_they_are(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/d/logs", [b"ab12 | [x] one\n", b"ab12 | two\n"])
    assert cli("logs", "d", "--tail", "2", "--replica", "ab12").out == "ab12 | [x] one\nab12 | two\n"
    assert api.asked[0].query == {"tail": "2", "follow": "false", "replica": "ab12"}
