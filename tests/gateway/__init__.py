"""Tests of the gateway: raw sockets on both of its sides."""
