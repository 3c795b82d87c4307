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
# # From CLIP to pictures
#
# **Claim.** A StyleGAN2 {cite:p}`karras2020stylegan2` that was taught to paint from CLIP embeddings without captions
# (Lafite, {cite:t}`zhou2022lafite`) can be widened from one condition to two, image and caption, by copying its weights,
# and then finetuned on what the two mappers read from the brain {cite:p}`lin2022mindreader`. Its pictures identify the
# stimulus far above chance.
#
# Everything here is a **simulated subject** unless you pass `subject="subj01"`. Identification and distances are measured
# with a feature net that no training loss has seen; a generator that is trained against a CLIP soon pleases that CLIP
# with fog.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book or paper
subject: str = ""  # twin01 (simulated) or subj01 .. subj08 of your NSD, empty keeps the preset's choice
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example gan.kimg
cond: str = "both"  # img, cap or both: which mapped embedding conditions the generator

# %%
from mindreader import chapter, params, plots, report

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict, cond=("img", "cap", "both"))
run = chapter.start("03_gan", preset, subject=subject, seed=seed, overrides=overrides, cond=cond)
"(n_training_trials, n_validation_trials) =", (len(run.subject.train), len(run.subject.validation))

# %% [markdown]
# ## One head becomes two
#
# In every layer a head turns its condition into a code by two small layers of its own; the two codes meet in an
# elementwise maximum, and the style is an affine map of that and of $w$, the code of the noise:
#
# ```{math}
# :label: eq-style
# s = A\left[\max\left(c_1(\hat h_{img}), c_2(\hat h_{cap})\right), w\right].
# ```
#
# Since the second head starts as a copy of the first, two equal conditions give *exactly* the picture of the one-headed
# generator: {eq}`eq-style` changes nothing until training tells the heads apart. A test holds us to it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gan-loss", "caption": "Finetuning: the generator's and the discriminator's losses."}}
history = report.gan_history(run, cond)
run.show(plots.curves(history, x="kimg", y="value", hue="loss", origin=run.origin, xlabel="thousand pictures seen",
                      ylabel="loss", title="Finetuning is short"), "history", data=history)

# %% [markdown]
# ## What was seen, what was read
#
# Pictures from single trials that the mappers and the generator never trained on; trials are the first of the
# validation side, not chosen. *True embedding* is the ceiling: the same generator fed with CLIP's own points.
# *Shuffled brain* is the floor: another trial's activity.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-samples", "caption": "Single-trial reconstructions beside what was seen, the ceiling from true embeddings, the pretrained generator before finetuning, and two floors."}}
pictures = report.sample_columns(run, cond, n=8)
run.show(plots.picture_grid(pictures, origin=run.origin), "samples")

# %% [markdown]
# ## The same trial, several draws
#
# The condition fixes what is shown, the noise $z$ the rest.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-draws", "caption": "One trial for each row: what was seen, and four draws of z."}}
run.show(plots.picture_grid(report.draws(run, cond, n=5, n_draws=4), origin=run.origin), "draws")

# %% [markdown]
# ## Three showings of one picture
#
# The same picture, three trials. What a trial carries differs: attention wanders, and noise is as large as signal.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-repeats", "caption": "Reconstructions from the three showings of the same validation picture (the paper's Fig. 7)."}}
run.show(plots.picture_grid(report.repeats(run, cond, n=5), origin=run.origin), "repeats")

# %% [markdown]
# ## Which one was it?
#
# Two-way identification: is the reconstruction's feature vector nearer (cosine) to the stimulus than to another
# validation picture? The chance of winning is counted over all rivals, so the score needs no random draws.

# %%
table = report.identification(run, cond)
run.table(table, "identification")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-identification", "caption": "Two-way identification with 95 % intervals from resampling pictures. Grey: controls. The paper's value is NSD's, by Inception features; it says nothing about a simulated subject."}}
run.show(plots.scores_with_controls(report.two_way(table), origin=run.origin, xlabel="two-way identification",
                                    title="Pictures from a single trial identify what was seen", chance=0.5), "two_way")

# %% [markdown]
# ## How far from real pictures
#
# The Fréchet distance between the features of reconstructions and of the validation pictures (`FD (twin features)`: it
# is not FID, which belongs to another network). It cannot see whether a picture fits its trial; that is what the
# shuffled brain's row shows. Small samples inflate it, so two disjoint halves of the real pictures stand beside it,
# and the unbiased kernel distance too.

# %%
distances = report.distances(run, cond)
run.table(distances, "distances")

# %% [markdown]
# ## Image, caption, or both?

# %%
conditions = report.conditions(run)
run.table(conditions, "conditions")

# %% tags=["remove-output"]
run.record(report.gan_summary(run, cond, table, distances, conditions))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 03_gan
# :name: tab-gan
# :caption: Reconstruction from single trials. All of the paper's Tables 1, 5 and 6 but one cell are lost.
# ```
#
# **Reading.** From single trials the pictures win {ours}`03_gan:two_way` of the two-way comparisons; the same generator
# fed with true embeddings wins {ours}`03_gan:two_way_ceiling`, and with another trial's brain
# {ours}`03_gan:two_way_shuffled`. The critic inside the loss would have told a rosier story: by the CLIP that the
# generator is trained against, the same pictures win {ours}`03_gan:two_way_clip`. The Fréchet distance moves from
# {ours}`03_gan:fd_start` before finetuning to {ours}`03_gan:fd`. Departures from the released training code, each of
# its bugs with a name and a switch, are in {doc}`../departures`.
