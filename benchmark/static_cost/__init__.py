"""What a kernel costs, counted instead of timed; the command is benchmark/static."""
