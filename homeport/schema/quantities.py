"""Quantities as Kubernetes writes them, checked and kept as text."""

from typing import Annotated

from pydantic import AfterValidator

from homeport.core.quantity import parse_bytes, parse_cpu_milli


def _check_cpu(text: str) -> str:
    parse_cpu_milli(text)
    return text


def _check_bytes(text: str) -> str:
    parse_bytes(text)
    return text


Cpu = Annotated[str, AfterValidator(_check_cpu)]
Size = Annotated[str, AfterValidator(_check_bytes)]
