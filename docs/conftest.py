"""What pytest does not collect here: the build runs it."""

collect_ignore = ["conf.py", "examples", "_build", "_extensions", "auto_examples"]
