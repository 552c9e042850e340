"""Stand-ins for what lies at a provider's edge: real servers on loopback that forgive nothing and misbehave on order."""
