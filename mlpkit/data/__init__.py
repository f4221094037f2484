"""The rows of a call: targets, class weights, evaluation sets, and fast checks of arrays."""
