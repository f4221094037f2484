"""For each conformance test of `mlpkit.testing` a component that fails it, by kind."""
