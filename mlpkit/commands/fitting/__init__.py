"""What ``mlpkit fit`` does: settings, columns, the task, the estimator and the progress."""
