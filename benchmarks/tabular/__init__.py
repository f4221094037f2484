"""Skill and processor time on raw tables, of mlpkit, boosted trees, RealMLP and TabM."""
