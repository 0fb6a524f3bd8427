"""Measures engines in turns, so that ratios hold on a machine whose speed drifts; the commands are benchmark/run and model."""
