"""Objects as the API shows them, kept current from the store and the agents' reports, for lists and watches."""
