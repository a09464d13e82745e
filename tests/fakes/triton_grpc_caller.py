"""tritonclient over gRPC as people use it: `python triton_grpc_caller.py HOST:PORT TOKEN` prints its answers."""

import json
import queue
import sys
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc as triton  # type: ignore[import-untyped]

LARGE = 2 * 1024 * 1024


def tensor(values: Any) -> Any:
    given = triton.InferInput("x", [len(values)], "FP32")
    given.set_data_from_numpy(np.array(values, dtype=np.float32))
    return given


def main(address: str, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    with triton.InferenceServerClient(address) as client:
        small = client.infer("echo", [tensor([1.0, 1.5])], headers=headers, request_id="7", client_timeout=60.0)
        large = client.infer("echo", [tensor(np.ones(LARGE))], headers=headers)
        try:
            client.infer("ehco", [tensor([1.0])], headers=headers)
            unknown = ""
        except triton.InferenceServerException as error:
            unknown = f"{error.status()} {error.message()}".partition(";")[0]
        answers: queue.Queue[Any] = queue.Queue()
        client.start_stream(lambda result, error: answers.put((result, error)), headers=headers)
        streamed = []
        for number in range(3):
            client.async_stream_infer("echo", [tensor([float(number)])])
            result, problem = answers.get(timeout=60)
            streamed.append(str(problem) if problem else result.as_numpy("y").tolist())
        client.stop_stream()
        told = {
            "live": client.is_server_live(headers=headers),
            "ready": client.is_server_ready(headers=headers),
            "server": client.get_server_metadata(headers=headers).name,
            "model_ready": client.is_model_ready("echo", headers=headers),
            "metadata": client.get_model_metadata("echo", headers=headers).name,
            "small": [small.get_response().id, *small.as_numpy("y").tolist()],
            "large": [len(large.as_numpy("y")), float(large.as_numpy("y").sum())],
            "unknown": unknown,
            "streamed": streamed,
        }
    with grpc.insecure_channel(address) as channel:
        any_method: Any = channel.unary_unary("/test.Any/Thing")
        metadata = (("authorization", f"Bearer {token}"), ("x-homeport-deployment", "echo"))
        told["any"] = any_method(b"hello", metadata=metadata, timeout=60).decode()
        try:
            any_method(b"hello", timeout=60)
        except grpc.RpcError as error:
            told["nobody"] = error.code().name
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
