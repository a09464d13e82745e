"""A small HTTP/2 endpoint that speaks gRPC: bidirectional streams of messages over mutual TLS, and nothing else.

From the wire up: frames -> connection (streams, windows, header blocks, guards; no I/O) -> call (gRPC) -> endpoint
(asyncio) -> server and client.
"""
