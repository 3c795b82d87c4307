"""How fast the two trainings of this repository are, each beside a plain reference timed in the same run."""
