"""One fit: batches, the loop over epochs or L-BFGS, and those who listen."""
