"""Durable append with group commit: what the timeline and the gateway's store stand on."""
