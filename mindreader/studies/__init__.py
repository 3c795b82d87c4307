"""Whole tables: every row trained from several seeds, kept row by row, and read back by the chapters.

    python -m mindreader.studies mapping_grid      Tables 3 and 4
    python -m mindreader.studies generator_grid    Tables 1 and 5
    python -m mindreader.studies held_out          whole categories of pictures held out from training
    python -m mindreader.studies refits            the networks behind the headline numbers, fitted several times
    python -m mindreader.studies coverage          how often intervals over pictures and fits hold a planted truth
    python -m mindreader.studies shared_images     NSD's shared images, averaged and scored as later papers do
    python -m mindreader.studies exam              which scores of naturalness may be used
    python -m mindreader.studies found             which things are found again in reconstructions
    python -m mindreader.studies stimulated        regions and random voxels stimulated by several fits of each mapper
    python -m mindreader.studies failures          what goes wrong in reconstructions, by several fits of the whole chain
    python -m mindreader.studies tables            all records that the chapters show, by nine of these
    python -m mindreader.studies finetune          the generator of chapter 03, on one process or several
    python -m mindreader.studies whole_paper       what the whole paper costs at NSD's sizes, counted and not run

`ledger` holds every claim of the paper to them and to the chapters' results. The modules are taken by name. Read
`mapping_grid` first.
"""
