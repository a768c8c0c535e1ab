"""What ``mx doctor`` looks at: one module per subject."""
