"""Servers that go away: PostgreSQL, a node of Ray, the network."""
