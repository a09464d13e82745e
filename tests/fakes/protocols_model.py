"""A model server that speaks what clients speak: `python protocols_model.py PORT`. Its model is `org/real`.

OpenAI: chat, embeddings, images, transcriptions, files. Open Inference Protocol v2 with binary tensors: `double` its
input. WebSocket at /v1/realtime: says what it hears, in capitals. Any method at /any: tells method, path and body.
"""

import asyncio
import gzip
import json
import struct
import sys
from typing import Any

from aiohttp import WSMsgType, web

MODEL = "org/real"
FILES: dict[str, bytes] = {}


def named(model: Any) -> None:
    if model != MODEL:
        raise web.HTTPNotFound(text=json.dumps({"error": {"message": f"the model {model} does not exist"}}))


async def chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    named(body["model"])
    words = ("I ", "heard: ", body["messages"][-1]["content"])
    if not body.get("stream"):
        message = {"role": "assistant", "content": "".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
        answer = {"id": "c-1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
        return web.json_response(answer | {"usage": usage})
    stream = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await stream.prepare(request)
    for word in words:
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        chunk = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
        await stream.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await asyncio.sleep(0.01)
    await stream.write(b"data: [DONE]\n\n")
    return stream


async def embeddings(request: web.Request) -> web.Response:
    body = await request.json()
    named(body["model"])
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 1.5]}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return web.json_response({"object": "list", "data": data, "model": MODEL, "usage": usage})


async def images(request: web.Request) -> web.Response:
    named((await request.json())["model"])
    return web.json_response({"created": 1, "data": [{"b64_json": "aGVsbG8="}]})


async def transcriptions(request: web.Request) -> web.Response:
    model, size = "", 0
    async for part in await request.multipart():
        if part.name == "model":  # type: ignore[union-attr]
            model = await part.text()  # type: ignore[union-attr]
        elif part.name == "file":  # type: ignore[union-attr]
            while data := await part.read_chunk():  # type: ignore[union-attr]
                size += len(data)
    named(model)
    return web.json_response({"text": f"{size} bytes of sound"})


async def upload(request: web.Request) -> web.Response:
    form = await request.post()
    file = form["file"]
    assert isinstance(file, web.FileField)
    FILES["f-1"] = file.file.read()
    return web.json_response(file_object("f-1"))


async def one_file(request: web.Request) -> web.Response:
    if request.method == "DELETE":
        del FILES[request.match_info["id"]]
        return web.json_response({"id": request.match_info["id"], "object": "file", "deleted": True})
    return web.json_response(file_object(request.match_info["id"]))


async def file_content(request: web.Request) -> web.Response:
    return web.Response(body=FILES[request.match_info["id"]], content_type="application/octet-stream")


def file_object(file_id: str) -> dict[str, Any]:
    size = len(FILES[file_id])
    return {"id": file_id, "object": "file", "bytes": size, "created_at": 1, "filename": "a", "purpose": "batch"} | {
        "status": "processed"
    }


async def realtime(request: web.Request) -> web.WebSocketResponse:
    named(request.query["model"])
    socket = web.WebSocketResponse(protocols=("realtime",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data.upper())
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data.upper())
    return socket


async def anything(request: web.Request) -> web.Response:
    body = (await request.read()).decode()
    return web.json_response({"method": request.method, "path": request.raw_path, "body": body})


async def model_metadata(request: web.Request) -> web.Response:
    named(request.match_info["name"])
    tensor = {"datatype": "FP32", "shape": [-1]}
    sides = {"inputs": [{"name": "x", **tensor}], "outputs": [{"name": "y", **tensor}]}
    return web.json_response({"name": MODEL, "versions": ["1"], "platform": "test", **sides})


async def model_ready(request: web.Request) -> web.Response:
    named(request.match_info["name"])
    return web.Response()


async def infer(request: web.Request) -> web.Response:
    named(request.match_info["name"])
    body = await request.read()
    size = int(request.headers.get("Inference-Header-Content-Length", len(body)))
    [given] = json.loads(body[:size])["inputs"]
    numbers = struct.unpack(f"<{given['shape'][0]}f", body[size:])
    doubled = struct.pack(f"<{len(numbers)}f", *(2 * number for number in numbers))
    output = {"name": "y", "datatype": "FP32", "shape": given["shape"]}
    output["parameters"] = {"binary_data_size": len(doubled)}
    header = json.dumps({"model_name": MODEL, "model_version": "1", "outputs": [output]}).encode()
    answer, headers = header + doubled, {"Inference-Header-Content-Length": str(len(header))}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        answer, headers["Content-Encoding"] = gzip.compress(answer), "gzip"
    return web.Response(body=answer, headers=headers, content_type="application/octet-stream")


def app() -> web.Application:
    found = web.Application(client_max_size=1 << 30)
    found.router.add_get("/", model_healthy)
    found.router.add_post("/v1/chat/completions", chat)
    found.router.add_post("/v1/embeddings", embeddings)
    found.router.add_post("/v1/images/generations", images)
    found.router.add_post("/v1/audio/transcriptions", transcriptions)
    found.router.add_post("/v1/files", upload)
    found.router.add_get("/v1/files/{id}/content", file_content)
    found.router.add_route("*", "/v1/files/{id}", one_file)
    found.router.add_get("/v1/realtime", realtime)
    found.router.add_route("*", "/any", anything)
    found.router.add_get("/v2/models/{name:[^{}]+?}/ready", model_ready)
    found.router.add_post("/v2/models/{name:[^{}]+?}/infer", infer)
    found.router.add_get("/v2/models/{name:[^{}]+}", model_metadata)
    return found


async def model_healthy(request: web.Request) -> web.Response:
    return web.Response()


if __name__ == "__main__":
    web.run_app(app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
