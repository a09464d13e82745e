"""What one request with a limited access token is charged: an estimate when it begins, what it took when it ends."""

from typing import TYPE_CHECKING

from homeport.core.limits.limits import Limits
from homeport.core.token_usage import AnswerUsage
from homeport.gateway.limits.limit_errors import rate_lines

if TYPE_CHECKING:
    from homeport.gateway.limits.limiter import Limiter


class Charge:
    """`tokens` were reckoned with, `prompt` of them for the prompt; `day` is that of the beginning."""

    __slots__ = ("_day", "_limiter", "_prompt", "_token_id", "_tokens", "_usage", "limits")

    def __init__(self, limiter: "Limiter", token_id: str, limits: Limits, prompt: int, tokens: int, day: str) -> None:
        self.limits = limits
        self._limiter = limiter
        self._token_id = token_id
        self._prompt = prompt
        self._tokens = tokens
        self._day = day
        self._usage: AnswerUsage | None = None

    def head(self, lines: bytes) -> bytes:
        """Of the answer's head: the lines that say what is left."""
        self._usage = AnswerUsage(lines)
        return rate_lines(self._limiter.remainders(self._token_id))

    def read(self, data: bytes) -> None:
        if self._usage is not None:
            self._usage.read(data)

    def end(self) -> None:
        """Once. Without an answer it took no tokens."""
        prompt, completion = self._usage.counts(self._prompt) if self._usage is not None else (0, 0)
        self._limiter.end(self._token_id, prompt - self._tokens, completion, self._day)
