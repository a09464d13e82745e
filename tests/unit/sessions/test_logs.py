import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from homeport_proto.v1 import session_pb2 as pb

from controlplane.sessions.logs import LogBroker
from homeport.core.errors import ErrorCode, HomeportError


class Agent:
    """Keeps the questions that it was asked."""

    def __init__(self, connected: bool = True) -> None:
        self.connected = connected
        self.questions: list[pb.Question] = []
        self.asked = asyncio.Event()

    def ask(self, node_id: str, question: pb.Question) -> bool:
        self.questions.append(question)
        self.asked.set()
        return self.connected


async def collect(lines: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in lines]


async def ask(broker: LogBroker, agent: Agent) -> tuple[asyncio.Task[list[bytes]], str]:
    task = asyncio.create_task(collect(broker.lines("r1", "n1", tail=10, follow=True)))
    await agent.asked.wait()
    return task, agent.questions[0].question_id


async def test_lines_pass_in_order_and_the_agent_is_told_when_the_reader_is_done() -> None:
    agent = Agent()
    broker = LogBroker(agent.ask)
    task, question_id = await ask(broker, agent)
    assert agent.questions[0].logs == pb.LogsQuestion(replica_id="r1", tail_lines=10, follow=True)
    for chunk in (b"", b"one\n", b"two\n"):
        assert await broker.push("n1", question_id, chunk)
    broker.end("n1", question_id)
    assert await task == [b"one\n", b"two\n"]
    assert agent.questions[-1].WhichOneof("body") == "cancel"
    assert not await broker.push("n1", question_id, b"late\n")


async def test_another_node_cannot_answer(caplog: pytest.LogCaptureFixture) -> None:
    agent = Agent()
    broker = LogBroker(agent.ask)
    task, question_id = await ask(broker, agent)
    assert not await broker.push("n2", question_id, b"forged\n")
    broker.end("n2", question_id, "forged end")
    broker.end("n1", question_id)
    assert await task == []


async def test_a_node_without_a_session_is_an_error_at_once() -> None:
    broker = LogBroker(Agent(connected=False).ask)
    with pytest.raises(HomeportError) as caught:
        await collect(broker.lines("r1", "n1", tail=10, follow=False))
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_a_lost_link_ends_the_reading_with_an_error_after_what_came_before() -> None:
    agent = Agent()
    broker = LogBroker(agent.ask)
    seen: list[bytes] = []

    async def read() -> None:
        async for chunk in broker.lines("r1", "n1", tail=10, follow=True):
            seen.append(chunk)  # noqa: PERF401

    task = asyncio.create_task(read())
    await agent.asked.wait()
    await broker.push("n1", agent.questions[0].question_id, b"one\n")
    broker.node_lost("n1")
    with pytest.raises(HomeportError, match="link to the node was lost"):
        await task
    assert seen == [b"one\n"]


async def test_a_slow_reader_slows_the_agent_down() -> None:
    agent = Agent()
    broker = LogBroker(agent.ask)
    lines = broker.lines("r1", "n1", tail=10, follow=True)
    assert isinstance(lines, AsyncGenerator)
    first = asyncio.create_task(lines.asend(None))
    await agent.asked.wait()
    question_id = agent.questions[0].question_id
    await broker.push("n1", question_id, b"0\n")
    assert await first == b"0\n"
    pushed = 0

    async def push_all() -> None:
        nonlocal pushed
        for number in range(100):
            await broker.push("n1", question_id, b"%d\n" % number)
            pushed += 1

    pusher = asyncio.create_task(push_all())
    for _ in range(200):
        await asyncio.sleep(0)
    assert pushed == 16
    await lines.aclose()
    await pusher
    assert pushed == 100


async def test_a_kept_failure_is_asked_for_by_its_deployment() -> None:
    agent = Agent()
    broker = LogBroker(agent.ask)
    task = asyncio.create_task(collect(broker.previous("chat", "n1", "ab", 2)))
    await agent.asked.wait()
    question = agent.questions[0]
    assert question.logs == pb.LogsQuestion(deployment_id="chat", replica_id="ab", previous=2)
    assert await broker.push("n1", question.question_id, b"boom\n")
    broker.end("n1", question.question_id)
    assert await task == [b"boom\n"]
