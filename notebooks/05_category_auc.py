# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which categories can be decoded
#
# **Claim.** Small classifiers decode the classes of COCO and COCO-Stuff {cite:p}`lin2014coco,caesar2018cocostuff` from
# CLIP embeddings best, then from fMRI, and almost as well from fMRI that went through a mapper: the mapping keeps
# nearly all of the brain's information on categories {cite:p}`lin2022mindreader`.
#
# All of it is a **simulated subject** unless you pass `subject="subj01"`.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book or paper
subject: str = ""  # twin01 (simulated) or subj01 .. subj08 of your NSD, empty keeps the preset's choice
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example category.epochs

# %%
from mindreader.companion import ch05_category_auc as report, chapter, plots
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("05_category_auc", preset, subject=subject, seed=seed, overrides=overrides)
"(n_things, n_stuff) =", report.class_counts(run)

# %% [markdown]
# ## One classifier for each input
#
# Three linear layers with ReLU between them, a sigmoid for each class, binary cross-entropy; trained on the training
# trials and scored on the validation trials by the area under the ROC curve, class by class. A class that is always or
# never present among the validation pictures has no curve and is left out, by name.

# %%
run.table(report.category_table(run), "auc")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-auc", "caption": "AUC of each class, for each input (the paper's Fig. 6)."}}
auc = report.category_auc(run)
run.show(plots.class_scores(auc, origin=run.origin, xlabel="ROC AUC on validation trials",
                            title="Categories, decoded from three inputs"), "classes", data=auc)

# %% tags=["remove-output"]
run.record(report.category_summary(run))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 05_category_auc
# :name: tab-auc
# :caption: ROC AUC, mean over classes (Table 2). The paper's column is NSD with 171 classes.
# ```
#
# **Reading** ({numref}`tab-auc`, and class by class {numref}`fig-auc`). CLIP's own embeddings give
# {ours}`05_category_auc:clip_overall`, raw activity {ours}`05_category_auc:fmri_overall`, and activity mapped to CLIP
# {ours}`05_category_auc:mapped_overall`: the mapper keeps {ours}`05_category_auc:retained` of what the activity gives,
# where the paper reports {paper}`05_category_auc:retained` for NSD. Here the loss is larger, which fits the previous
# chapter on retrieval: this subject's activity has more information than the mapped embeddings. A classifier that gets
# another trial's activity stays at {ours}`05_category_auc:shuffled_overall`.
