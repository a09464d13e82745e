"""A small, strict HTTP/1.1 codec on httptools: the server side of the gateway, the client side of the agent."""
