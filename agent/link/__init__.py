"""The way home: trust, enrolment, the session, renewal, bulk. Protobuf messages stop inside this package."""
