"""Whole tables: every row trained from several seeds, kept row by row, and read back by the chapters.

    python -m mindreader.studies.mapping_grid     Tables 3 and 4
    python -m mindreader.studies.generator_grid   Tables 1 and 5
    python -m mindreader.studies.held_out         whole categories of pictures kept from training

The modules are taken by name: each is also a command.
"""
