"""`homeport dev --once`: one question, its answer as it comes, and the timings."""

from homeport.cli.dev.progress import Progress
from homeport.client.sync_client import Client
from homeport.core.errors import ErrorCode, HomeportError


def ask_once(client: Client, deployment: str, message: str, progress: Progress, ready: float) -> None:
    """Timings are seconds since `homeport dev` began. Raises UPSTREAM_FAILED for an empty answer."""
    print(f"> {message}")
    asked = progress.elapsed()
    first = 0.0
    for text in client.chat(deployment, [{"role": "user", "content": message}], max_tokens=128):
        first = first or progress.elapsed()
        print(text, end="", flush=True)
    print("\n")
    if not first:
        raise HomeportError(ErrorCode.UPSTREAM_FAILED, "the model answered with nothing")
    total = progress.elapsed()
    after_asking = f"{(first - asked) * 1000:.0f} ms after asking"
    print(f"ready {ready:.2f} s, first token {first:.2f} s ({after_asking}), total {total:.2f} s")
