"""TLS contexts from keys in memory."""

import os
import ssl


def front_tls(http2: bool = False) -> ssl.SSLContext:
    """What clients of the API are met with, and those of the gateway, which speaks HTTP/2 too. It serves nobody until
    `load_pair`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    harden(context)
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    return context


def harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION


def load_pair(context: ssl.SSLContext, key: bytes, certificate: bytes) -> None:
    """Both are PEM texts. New connections get this certificate, those that are open keep theirs.

    Raises ssl.SSLError, with the context as it was.
    """
    _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), key, certificate)
    _load(context, key, certificate)


def _load(context: ssl.SSLContext, key: bytes, certificate: bytes) -> None:
    # The ssl module reads keys from files only: this one exists in memory alone.
    file = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        os.write(file, key + b"\n" + certificate)
        # Left alone, OpenSSL asks the terminal for an encrypted key's password.
        context.load_cert_chain(f"/proc/self/fd/{file}", password="")
    finally:
        os.close(file)
