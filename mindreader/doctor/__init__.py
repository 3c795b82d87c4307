"""Say what is there and what is missing to run the chapters: data, weights, machine, and how long each takes.

    a folder, the weights, the machine ──report──▶ which chapters run, what stops the others, the commands that fetch it

`python -m mindreader.doctor [FOLDER]` prints it on one screen; each chapter asks `check_chapter` before it begins. Files of NSD are
read by `nsd` alone. Read `chapters` first.
"""

from .chapters import CHAPTERS, Answer, Needs, check_chapter
from .report import Report, examine
from .screen import as_text, bytes_in_words, time_in_words
from .tables import costs_table, weights_table

__all__ = ["Answer", "as_text", "bytes_in_words", "CHAPTERS", "check_chapter", "costs_table", "examine", "Needs", "Report", "time_in_words",
           "weights_table"]
