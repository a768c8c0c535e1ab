"""The journal on real files, real locks and real system calls."""
