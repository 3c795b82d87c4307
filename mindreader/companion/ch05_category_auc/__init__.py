"""Chapter 05: categories decoded from activity and from embeddings (paper §3.4, Table 2)."""

from .categories import category_auc, category_summary, category_table, class_counts

__all__ = ["category_auc", "category_summary", "category_table", "class_counts"]
