"""Skill and processor time on raw tables, mlpkit beside boosted trees, RealMLP and TabM."""
