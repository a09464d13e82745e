"""The metrics page: what is counted here, in nodes and in gateways, in Prometheus' text format."""
