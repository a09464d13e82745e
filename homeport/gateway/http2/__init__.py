"""The front over HTTP/2, gRPC included."""
