"""The vendor's status page on loopback."""
