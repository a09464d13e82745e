"""`homeport-agent doctor`: what keeps this host from serving. One check a file: facts are gathered, then judged."""
