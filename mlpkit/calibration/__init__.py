"""Calibration of trained models on rows that they were not trained on."""
