"""The built-in losses and solvers."""
