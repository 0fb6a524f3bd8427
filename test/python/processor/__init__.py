"""Machine code of processors that this machine is not: Bochs's CPU core (package bochscpu-python), with AMX beside it.

Used as a child process (`python -m processor`), because one process can only hold one emulated processor.
"""
