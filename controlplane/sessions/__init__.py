"""The agents' side of the control plane: enrolment, sessions, desired state out, observed state in."""
