"""The pure middle: facts, the fold, readings, severity, diagnosis. No I/O, no clock, no logging."""
