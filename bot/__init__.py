"""mx: the incident co-pilot for teams that run an integration with MaintainX."""

__version__ = "0.1.0"
