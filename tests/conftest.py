"""For all tests."""

from hypothesis import HealthCheck, settings

# How fast examples are made or run says something of the machine only.
settings.register_profile("homeport", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("homeport")
