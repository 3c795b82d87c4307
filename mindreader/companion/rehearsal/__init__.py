"""Rehearse the whole paper without its data: NSD's shapes, files of random weights in the published formats, every chapter.

    sizes ──folder──▶ an NSD folder        sizes ──published──▶ files of weights
    both ──chapters──▶ every chapter at the preset paper, with tiny budgets ──meter──▶ seconds and memory of each part

What it makes is thrown away, and everything in it is labelled as a rehearsal.
"""
