"""From results to pages: chapters, what each of them shows, figures, and the book's own directives.

    chapter        the pipeline that leaves figures, tables and numbers where the book finds them
    ch00 … ch07    what each chapter shows, a folder for each
    plots          records and tables → figures
    nb             runs the chapters: python -m mindreader.companion.nb

The modules are taken by name, since papermill and Sphinx import some of them before every run and need no torch.
"""
