"""Talks to a deployment with the `openai` client, which needs to know nothing of Homeport but an address and a token.

.venv/bin/python examples/chat.py "Why is the sky blue?"
"""

import argparse

from openai import OpenAI

from homeport.client import resolve_context


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a deployment a question and print the answer as it comes.")
    parser.add_argument("message", nargs="?", default="Why is the sky blue?")
    parser.add_argument("--deployment", default="smollm2-chat")
    options = parser.parse_args()

    # From the CLI's current context, or HOMEPORT_GATEWAY and HOMEPORT_TOKEN.
    context = resolve_context()
    client = OpenAI(base_url=f"{context.gateway}/v1", api_key=context.token)
    stream = client.chat.completions.create(
        model=options.deployment,
        messages=[{"role": "user", "content": options.message}],
        max_tokens=128,
        stream=True,
    )
    for event in stream:
        if event.choices and event.choices[0].delta.content:
            print(event.choices[0].delta.content, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
