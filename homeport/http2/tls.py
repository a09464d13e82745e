"""Mutual TLS for HTTP/2, from keys in memory."""

import ssl

from homeport.tls import harden, load_pair

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which the ssl module has no name.
_NO_CHECK_TIME = 0x200000


def server_tls(key: bytes, certificate: bytes, ca: bytes) -> ssl.SSLContext:
    """Lets in whoever has a certificate of `ca`. All three are PEM texts."""
    context = waiting_server_tls(ca)
    load_pair(context, key, certificate)
    return context


def waiting_server_tls(ca: bytes, at_any_time: bool = False) -> ssl.SSLContext:
    """The same before there is a certificate: it serves nobody until `load_pair`. With `at_any_time` whoever asks looks
    at the peer's time of validity by himself."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, ca, at_any_time)
    context.verify_mode = ssl.CERT_REQUIRED
    # No resumption: every connection shows its certificate.
    context.num_tickets = 0
    return context


def client_tls(key: bytes, certificate: bytes, ca: bytes, at_any_time: bool = False) -> ssl.SSLContext:
    """Trusts `ca` and nothing else."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, ca, at_any_time)
    load_pair(context, key, certificate)
    return context


def _context(protocol: int, ca: bytes, at_any_time: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    harden(context)
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=ca.decode())
    if at_any_time:
        context.verify_flags |= _NO_CHECK_TIME
    return context
