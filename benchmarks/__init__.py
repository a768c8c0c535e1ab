"""The benchmarks behind the figures: ratios side by side in one run (`make bench`)."""
