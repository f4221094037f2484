"""Evaluation by group after training: reports, comparisons, limits, scorers and plots."""
