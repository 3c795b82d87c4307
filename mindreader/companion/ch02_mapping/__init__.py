"""Chapter 02: retrieval by the mappers, its controls, and the paper's Tables 3 and 4 (paper §2.2, §3.2)."""

from .mapping import mapping_history, mapping_summary, retrieval_with_controls

__all__ = ["mapping_history", "mapping_summary", "retrieval_with_controls"]
