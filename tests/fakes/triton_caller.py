"""tritonclient as people use it: `python triton_caller.py HOST:PORT TOKEN` prints what it was answered."""

import json
import sys

import numpy as np
import tritonclient.http as triton  # type: ignore[import-untyped]


def main(address: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    given = triton.InferInput("x", [2], "FP32")
    given.set_data_from_numpy(np.array([1.0, 1.5], dtype=np.float32))
    wanted = [triton.InferRequestedOutput("y")]
    with triton.InferenceServerClient(address) as client:
        plain = client.infer("echo", [given], outputs=wanted, headers=headers)
        small = client.infer(
            "echo",
            [given],
            outputs=wanted,
            headers=headers,
            request_compression_algorithm="gzip",
            response_compression_algorithm="gzip",
        )
        try:
            client.infer("ehco", [given], headers=headers)
            unknown = ""
        except triton.InferenceServerException as error:
            unknown = error.message().partition(" (")[0]
        told = {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "server": client.get_server_metadata(headers=headers)["name"],
            "index": [each["name"] for each in client.get_model_repository_index(headers=headers)],
            "model_ready": client.is_model_ready("echo", headers=headers),
            "inputs": [each["name"] for each in client.get_model_metadata("echo", headers=headers)["inputs"]],
            "binary": plain.as_numpy("y").tolist(),
            "compressed": small.as_numpy("y").tolist(),
            "unknown": unknown,
        }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
