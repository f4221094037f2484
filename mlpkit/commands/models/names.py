"""Names of attributes that the commands add to a model."""

TARGET = "target_names_"  # the columns of the target, a list of str
KINDS = "feature_kinds_"  # the kind of each feature, a list of str
