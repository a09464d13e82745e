"""Which few replicas to move so that what waits finds room, and whole GPUs and nodes are free again."""
