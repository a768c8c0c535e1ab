"""The gateway: its own process between the integration and MaintainX."""
