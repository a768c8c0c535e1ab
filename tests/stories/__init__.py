"""One promise of the product in each file."""
