"""Losses and solvers."""
