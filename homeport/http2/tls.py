"""Mutual TLS for HTTP/2, from keys in memory."""

import ssl

from homeport.tls import harden, load_pair


def server_tls(key: bytes, certificate: bytes, ca: bytes) -> ssl.SSLContext:
    """Lets in whoever has a certificate of `ca`. All three are PEM texts."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, key, certificate, ca)
    context.verify_mode = ssl.CERT_REQUIRED
    # No resumption: every connection shows its certificate.
    context.num_tickets = 0
    return context


def client_tls(key: bytes, certificate: bytes, ca: bytes) -> ssl.SSLContext:
    """Trusts `ca` and nothing else."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, key, certificate, ca)


def _context(protocol: int, key: bytes, certificate: bytes, ca: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    harden(context)
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=ca.decode())
    load_pair(context, key, certificate)
    return context
