"""Compare the book that was made here with the committed one: the reproduction report.

    two records of the book ──comparing──▶ what differs ──report──▶ lines, a page, an exit status

`python -m mindreader.companion.reproduction` makes the report, and `make book` ends with it. Read `comparing` first.
"""
