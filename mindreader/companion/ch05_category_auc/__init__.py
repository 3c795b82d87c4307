"""Chapter 05: categories decoded from activity and from embeddings (paper §3.4, Table 2, Figures 6 and 13)."""

from .categories import category_table, class_counts
from .conclusions import agreement, conclusions_summary, confounds, differences, frequencies
from .crops import crop_effect, crop_sentence, cropped_classes
from .fitting import fit_classifiers
from .inputs import FMRI, sentences, TABLE_2
from .masking import masked_regions, masking_bends, masking_curves, masking_shape, masking_summary, masking_tables, REGIONS, WAYS
from .profiles import classes_table, table_two, table_two_by_group, table_two_summary

__all__ = ["agreement", "category_table", "class_counts", "classes_table", "conclusions_summary", "confounds", "crop_effect",
           "crop_sentence", "cropped_classes", "differences", "fit_classifiers", "FMRI", "frequencies", "masked_regions", "masking_bends",
           "masking_curves", "masking_shape", "masking_summary", "masking_tables", "REGIONS", "sentences", "TABLE_2",
           "table_two", "table_two_by_group", "table_two_summary", "WAYS"]
