"""Measures engines in turns, so that ratios hold where speed drifts; for benchmark/run and benchmark/model."""
