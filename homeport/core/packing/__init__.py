"""Which node, and which of its devices, a replica goes to: as many as possible shall find a place, now and later."""
