"""What everything stands on: parameters, places, stages that are kept, keys, weights and processes.

    a setting that a person typed ──params──▶ a value that it may have
    a stage's settings, code and weights ──meaning, store──▶ a key ──store──▶ a folder, found again

Nothing here knows of brains or pictures. No torch is imported here: papermill and Sphinx load this room before every run;
`core.weights`, which needs it, is asked for by name.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["weights"],
    submod_attrs={
        "cache": ["RowCache"],
        "files": ["atomic_write", "half_made", "is_full", "locked", "make_folder"],
        "keys": ["child_seed", "fingerprint", "plain", "source_fingerprint"],
        "paper": ["LOST", "NONE", "format_number", "paper_value", "paper_values"],
        "params": ["DEVICE", "PRESETS", "ParameterError", "SUBJECT", "as_meant", "check_device", "choice", "name_of", "progress",
                   "read_settings", "run_name", "subject_meant"],
        "paths": ["FIGURES", "NOTEBOOKS", "PACKAGE", "PAPER_VALUES", "RESULTS", "ROOT", "WEIGHTS", "checkout_of",
                  "hold_folders", "home", "named", "nsd_root", "output_root", "require_checkout"],
        "processes": ["as_finished", "how_many", "in_processes", "interrupts_blocked", "peak_bytes"],
        "results": ["Covers", "card", "output", "provenance", "record", "save_table", "write_json", "write_table"],
        "sheet": ["TILES", "jpeg", "save_columns", "tiles"],
        "store": ["Store"],
    },
)
