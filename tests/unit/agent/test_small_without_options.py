"""What an agent does not need it does not load."""

import subprocess
import sys


def test_without_a_local_gateway_none_is_loaded() -> None:
    listing = "[name for name in sys.modules if name.startswith('homeport.gateway')]"
    code = f"import sys, agent.main, agent.daemon; print({listing})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.strip() == "[]"
