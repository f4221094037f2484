"""One fit: recipe, batches, training loops, observers, and the fitted network."""
