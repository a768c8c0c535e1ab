"""Tests of the buffer: writes that wait for MaintainX."""
