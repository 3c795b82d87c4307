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
# # From activity to CLIP
#
# **Claim.** Two small convolutional networks carry a single trial of fMRI to the places where CLIP puts the picture that
# was seen ($f_{mi}$) and a caption of it ($f_{mc}$) {cite:p}`lin2022mindreader`. They train on squared error and cosine
# distance, then on both together with a contrastive loss. The test is retrieval: among 300 pictures, which one was it?
#
# This chapter shows the headline setting, with the controls that the original lacks. All of it is a
# **simulated subject** unless you pass `subject="subj01"`.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book or paper
subject: str = ""  # twin01 (simulated) or subj01 .. subj08 of your NSD, empty keeps the preset's choice
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example mapping.learning_rate

# %%
from mindreader import chapter, params, plots, report

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("02_mapping", preset, subject=subject, seed=seed, overrides=overrides)
"(n_trials, n_voxels) =", run.subject.trials.betas.shape

# %% [markdown]
# ## Targets and network
#
# A target is CLIP's embedding, cut to $\pm 1.5$ (a few dimensions carry outliers) and *then* scaled to unit length. The
# network is one strided convolution along the voxels, four residual blocks, and three pointwise layers; the loss is
#
# ```{math}
# :label: eq-mapping
# L = \alpha_1 \lVert \hat h - h \rVert^2 + \alpha_2 \left(1 - \cos(\hat h, h)\right)
#   + \alpha_3 \, \mathrm{Contra}(\hat h, h).
# ```
#
# Half of the training minimizes {eq}`eq-mapping` without its last term, the rest with it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-mapping-loss", "caption": "Loss on training and validation trials, for each mapper; the step marks the moment at which the contrastive term joins."}}
history = report.mapping_history(run)
run.show(plots.curves(history, x="epoch", y="loss", hue="curve", origin=run.origin, xlabel="epoch", ylabel="loss",
                      title="Both mappers stop improving early"), "history", data=history)

# %% [markdown]
# ## Retrieval, forward and backward
#
# *Forward*: given what the brain says, which of 300 pictures is nearest? *Backward*: given a picture, which of 300 brain
# readings is nearest? Both use the first 300 validation trials, one trial at a time, no averaging over repeats, and a
# hit on another showing of the same picture counts, as in the released code.

# %%
table = report.retrieval_with_controls(run)
run.table(table, "retrieval")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-retrieval", "caption": "Retrieval of 300, in per cent, with 95 % intervals from resampling pictures. Grey: controls."}}
run.show(plots.scores_with_controls(report.percent(table), origin=run.origin, xlabel="correct among 300 (%)",
                                    title="Single trials among their controls",
                                    chance=report.percent_chance(table)), "retrieval")

# %% [markdown]
# ## When it misses, is it near?
#
# The paper's Figure 3 shows what was retrieved instead. Here are trials whose own picture did not come first, with the
# three pictures that did.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-mismatch", "caption": "Forward misses: the picture seen, and the three that the mapped embedding found nearer."}}
misses = report.retrieval_misses(run, n=6)
run.show(plots.picture_grid(misses, origin=run.origin), "misses")

# %% tags=["remove-output"]
run.record(report.mapping_summary(run, table))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 02_mapping
# :name: tab-mapping
# :caption: Retrieval of 300 by single trials (Table 3, final recipe; Table 4, both mappers).
# ```
#
# **Reading.** Forward retrieval from the image mapper succeeds in {ours}`02_mapping:image_forward` of the trials and
# backward in {ours}`02_mapping:image_backward`, where chance is {ours}`02_mapping:chance`. Shuffling which brain
# belongs to which picture brings it down to {ours}`02_mapping:shuffled_forward`. A plain ridge regression on the same
# trials reaches {ours}`02_mapping:ridge_forward` forward: on this subject, whose responses are close to linear in what
# was planted and whose voxels stand in no useful order for a convolution, the paper's network is not the best reader.
# Backward beats forward, as in the paper; the misses above hint at why, for some pictures come up again and again. When a
# mapped embedding misses, the pictures it finds share a category with the right one in
# {ours}`02_mapping:miss_shares_category` of the cases, against {ours}`02_mapping:random_shares_category` for random
# pairs. The paper's numbers are NSD's and cannot be compared in size with a simulated subject's; what can be compared
# is the pattern.
