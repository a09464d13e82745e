"""How much a caller may ask for, and how much a gateway can carry."""
