"""companion.ch05_category_auc."""
