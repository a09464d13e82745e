# A request that has waited longer than this for a replica is late. What the policy weighs against idle replicas.
LATE_SECONDS = 2.0
