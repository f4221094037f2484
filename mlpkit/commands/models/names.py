"""Names of attributes that the commands add to a model."""

TARGET = "target_names_"  # the columns of the target, a list of str
