"""What an access token used of a deployment, where no gateway of the control plane has seen it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """`requests` had their whole answer, which brought `tokens` where the model tells."""

    token_id: str
    requests: int = 0
    tokens: int = 0

    def with_another(self, other: "TokenUsage") -> "TokenUsage":
        """Of the same token."""
        return TokenUsage(self.token_id, self.requests + other.requests, self.tokens + other.tokens)
