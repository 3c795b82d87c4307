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
# CLIP embeddings best, then from fMRI, and almost as well from fMRI that went through a mapper; from ResNet's embeddings
# they do poorly. So CLIP's space is the better intermediary {cite:p}`lin2022mindreader`.
#
# All of it is a **simulated subject** unless you pass `subject="subj01"`.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book, paper or shared1000
subject: str = ""  # twin01 (simulated) or your NSD's subj01 .. subj08, empty keeps the preset's
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example category.epochs

# %%
from mindreader.companion import ch05_category_auc as report, chapter, plots, refitted
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("05_category_auc", preset, subject=subject, seed=seed, overrides=overrides)
print(run.opening(**report.class_counts(run)))

# %% [markdown]
# ## One classifier for each input
#
# Three linear layers with ReLU between them, a sigmoid for each class, binary cross-entropy; trained on the training
# trials and scored on the validation trials by the area under the ROC curve, class by class. The table is the paper's
# Table 2 and what it lacks:
#
# - the caption mapper, and both mappers' embeddings side by side;
# - a control: activity of another trial;
# - limits that only a simulated subject has: its responses without noise, and the true factors of each scene.
#
# `value` is the mean over all classes with an interval over pictures, `sd` is over classes (the paper's ±). `share` is of
# the AUC from activity (the paper's last column); `above` is the same share of what lies above chance.

# %%
report.fit_classifiers(run)
table = report.table_two(run)
run.table(report.table_two_by_group(table), "auc")

# %%
print("\n".join(report.sentences(run)) or "Nothing is left out.")

# %% [markdown]
# ```{verdicts} 05_category_auc
# :of: clip-most fmri-predictive mapping-keeps
# ```
#
# Both AUCs of a share start at one half, so a classifier that knows nothing has more than half of it: `above` is the fair one.

# %% [markdown]
# All of it from one fit of each network. Fitted again from other seeds, three times (`make tables`), with intervals over
# pictures *and* fits:

# %%
fits = refitted.beside_record(run, table)
run.table(fits, "refits")

# %% [markdown]
# ## Class by class

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-auc", "caption": "AUC of each class from the inputs of Table 2 (the paper's Fig. 6), sorted by that from activity, whose 95 % interval over pictures is the bar; n = {ours}`05_category_auc:n_trials` validation trials. In brackets: validation pictures that have the class. Dashed: chance."}}
classes = report.classes_table(run, report.TABLE_2)
run.show(plots.classes_by_kind(classes, by=report.FMRI, origin=run.origin,
                               xlabel="ROC AUC on validation trials",
                               title="Categories, decoded from five inputs"), "classes_by_kind",
         data=classes)

# %% [markdown]
# Do the classes that one input decodes well stand out from another, too? Correlation over classes, with an interval over
# pictures; `p` is of classes that are permuted. That some classes are easier from *any* input is in all of these numbers:
# CLIP's own embeddings, in which there is no brain, say how much.

# %%
agreeing = report.agreement(run)
run.table(agreeing, "agreement")

# %% [markdown]
# ```{verdicts} 05_category_auc
# :of: classes-align
# ```

# %% [markdown]
# ## Four conclusions, as differences
#
# Table 2 is read as: mapping keeps nearly all; ResNet loses; stuff is harder than things, but not from ResNet; so the
# brain's signals align better with the multimodal space. Each is a difference between inputs of the same classes on the
# same trials, hence paired. `expects` is the sign that the conclusion needs (0: none), `agreeing` the share of classes that
# differ as the mean does. *At one frequency* takes out, by regression over classes, that some occur in more pictures.

# %%
differences = report.differences(run)
run.table(differences[["conclusion", "name", "unit", "value", "low", "high", "expects", "p",
                       "agreeing", "n_classes", "n"]],
          "differences")

# %% [markdown]
# ```{verdicts} 05_category_auc
# :of: resnet-poor stuff-poorer brain-like-clip
# ```
#
# Of the four only the first three are differences that a table can hold. The fourth follows from none of them: an input
# with less information about categories has less to lose, and less to be harder. What would speak for it is the last row,
# in which each space is compared with its own embeddings: which share of what they have above chance is left when they
# are decoded from activity.

# %% [markdown]
# ## What else differs between the inputs
#
# In the paper a kind of input comes with the width of its classifier (activity 2048 and 512 units, CLIP 384 and 256,
# ResNet 512 and 256), with a number of dimensions and with a scale. So the same differences again: with one classifier for
# all inputs, and with all inputs reduced to as many principal components, of one variance.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-confounds", "caption": "The differences of AUC, as in the paper and with what differs between the inputs held equal; one fit each. Bars: 95 % intervals over pictures, paired, n = {ours}`05_category_auc:n_trials` validation trials. Dashed: no difference."}}
found = report.confounds(run)
run.show(plots.differences(found, hue="variant", origin=run.origin,
                           title="The conclusions under controls"), "confounds", data=found)

# %% [markdown]
# Classes that occur in more pictures have more examples to train on. Rank correlation over classes of AUC and of how many
# validation pictures have the class, and how many those are (medians):

# %%
run.table(report.frequencies(run), "frequencies")

# %% [markdown]
# ## Masked voxels
#
# The paper sets ever more voxels to zero and classifies again (Fig. 13). It does not say whether classifiers were trained
# anew, which voxels were masked, or which classifier the mapped curve has. Here are all: as trained (lines, three random
# masks averaged) and trained anew (dotted, random masks); at random, or by the voxels' noise ceilings from either end; for
# mapped activity its own classifier, and the one of CLIP's own embeddings.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-masking", "caption": "Mean AUC over classes against the share of voxels that is set to 0 (the paper's Fig. 13). Bands: 95 % intervals over pictures, n = {ours}`05_category_auc:n_trials` validation trials. Dashed: chance, where every curve as trained ends exactly; classifiers are trained anew up to nine tenths."}}
masked = report.masking_tables(run)
run.show(plots.masking(masked, ways=report.WAYS, origin=run.origin,
                       title="Classified with ever fewer voxels"), "masking", data=masked)

# %% [markdown]
# In numbers: the share of what lies above chance that is `kept` with half and with nine tenths masked, and where half of
# it is lost. Then how each curve of random masks bends: the area between it and a constant rate, 0 where each voxel costs
# the same, 0.5 where nothing is lost before the last.

# %%
run.table(report.masking_shape(masked), "masking_shape")

# %%
bends = report.masking_bends(run)
run.table(bends, "masking_bends")

# %% [markdown]
# ```{verdicts} 05_category_auc
# :of: masking-fmri masking-clip masking-all
# ```
#
# With all voxels masked every trial is the same trial, so each class has an AUC of one half exactly, from any input and
# by any classifier ({ours}`05_category_auc:mask_fmri_all` and {ours}`05_category_auc:mask_mapped_all` here). A curve that
# still lies high at nine tenths must therefore fall steeply at the end, and one that is lower there has less left to fall:
# both must get from their start to one half. A *constant rate* is then not a property of CLIP's space, but of a curve that
# does not hold on as long; it makes the mapped input easier to damage, and whether it is easier to *attack*, which is the
# paper's last sentence on it, takes an attack: masks are neither chosen nor small.

# %% [markdown]
# ## Which voxels
#
# A region masked, beside as many voxels drawn at random from all.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-masked-regions", "caption": "What masking one region costs, less what masking as many random voxels does (mean over three draws): below 0 the region matters more than its size. Bars: 95 % intervals over pictures, paired, n = {ours}`05_category_auc:n_trials` validation trials."}}
regions = report.masked_regions(run, names=report.REGIONS)
run.show(plots.masked_regions(regions, origin=run.origin, title="Regions against random voxels"),
         "masked_regions", data=regions)

# %% [markdown]
# ## Crop or whole picture
#
# NSD showed square crops of COCO's photographs; the paper labels them by all that COCO marked in the whole ones.
#
# First what that changes in the labels, then in the scores: of classifiers trained on either labels and scored by either,
# with the difference from the run's own (`data.annotations`). Where nothing was cut away, the own stand for both.

# %%
print(report.crop_sentence(run))

# %%
run.table(report.crop_effect(run), "crops")

# %% tags=["remove-output"]
run.record(report.table_two_summary(table) | report.conclusions_summary(differences, agreeing)
           | report.masking_summary(masked, bends))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 05_category_auc
# :name: tab-auc
# :caption: ROC AUC, mean over classes (Table 2), and what is left of it with voxels masked. The paper's column is NSD with 171 classes.
# :keys: clip_* fmri_* mapped_things mapped_stuff mapped_overall mapped_share mapped_above resnet_* mapped_resnet_* mapped_caption_overall mapped_both_overall shuffled_overall noiseless_overall factors_overall agreement_mapped_and_fmri mask_*_kept_nine* mask_bend_*
# ```
#
# **Reading** ({numref}`tab-auc`, and class by class {numref}`fig-auc`). CLIP's own embeddings give
# {ours}`05_category_auc:clip_overall`, raw activity {ours}`05_category_auc:fmri_overall`, and activity mapped to CLIP
# {ours}`05_category_auc:mapped_overall`: the mapper keeps {ours}`05_category_auc:mapped_share` of what the activity gives,
# where the paper reports {paper}`05_category_auc:mapped_share` for NSD; above chance that is
# {ours}`05_category_auc:mapped_above`. ResNet's embeddings give {ours}`05_category_auc:resnet_overall`
# ({paper}`05_category_auc:resnet_overall`), and decoded from activity {ours}`05_category_auc:mapped_resnet_overall`
# ({paper}`05_category_auc:mapped_resnet_overall`); which ResNet it is, and how it was trained, differs
# ({ref}`D-10 <d-10>`). A classifier that gets another trial's activity stays at
# {ours}`05_category_auc:shuffled_overall`, noiseless activity allows {ours}`05_category_auc:noiseless_overall`, and the
# scene's true factors {ours}`05_category_auc:factors_overall`.
