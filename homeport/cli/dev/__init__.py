"""`homeport dev`: a whole Homeport on this machine, for trying and developing."""
