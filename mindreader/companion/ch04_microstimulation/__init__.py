"""companion.ch04_microstimulation."""
