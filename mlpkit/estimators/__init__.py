"""The estimators: parameters, validation, the steps of `fit`, and fitted attributes."""
