"""Writes that wait for MaintainX: accepted on the disk, sent in order, settled by looking."""
