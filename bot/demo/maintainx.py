"""A MaintainX on loopback that can be broken in every way that a rule knows."""
