"""Estimators of raw tables."""
