"""Findings for people and for programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.doctor.finding import Finding, Verdict


def render(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:<5} {finding.check:<14} {finding.message}")
        if finding.fix:
            lines.append(f"{'':<20} -> {finding.fix}")
    counts = Counter(finding.verdict for finding in findings)
    lines.append(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict))
    return "\n".join(lines)


def to_plain(findings: Sequence[Finding]) -> dict[str, Any]:
    """`{"healthy": bool, "findings": [{check, verdict, message, fix}]}`"""
    return {
        "healthy": all(finding.verdict is not Verdict.FAIL for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }
