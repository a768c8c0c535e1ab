"""Tests of the step kinds, against a gateway on a real socket."""
