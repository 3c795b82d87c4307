"""Damaged copies of a small NSD tree, and the rule that what is loaded from them is right or refused in one sentence.

`python -m tests.nsd.fuzz --cases 10000` tries many; `tests/nsd/test_fuzz.py` a cut of them.
"""
