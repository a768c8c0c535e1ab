"""The probes, each over a real socket."""
