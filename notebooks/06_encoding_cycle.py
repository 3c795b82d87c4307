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
# # Encoding, and the cycle
#
# **Claim.** The way back works too: a network predicts each voxel's response from CLIP's embedding of the picture, its
# accuracy follows the noise ceiling and is best in higher regions, and a picture can go through encoder, mapper and
# generator and keep its meaning {cite:p}`lin2022mindreader`.
#
# The paper shows this in two figures without a number. All of it is a **simulated subject** unless you pass
# `subject="subj01"`; of a simulated one it is known what drives each voxel, so what is found can be held to what was
# planted.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book, paper or shared1000
subject: str = ""  # twin01 (simulated) or your NSD's subj01 .. subj08, empty keeps the preset's
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example encoder.epochs

# %%
from mindreader.companion import ch06_encoding_cycle as report, chapter, plots
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("06_encoding_cycle", preset, subject=subject, seed=seed, overrides=overrides)
print(run.opening(dimensions=run.clip.n_dims, voxels=run.subject.n_voxels))

# %% [markdown]
# ## Predicted against measured
#
# The correlation of predicted and measured responses over validation pictures, against the highest that noise allows,
# $\sqrt{\mathrm{NC}}$ with
#
# ```{math}
# :label: eq-ceiling
# \mathrm{NC}(n) = \frac{\mathrm{ncsnr}^2}{\mathrm{ncsnr}^2 + 1/n}
# ```
#
# for responses averaged over $n$ trials. The paper does not say which $n$ its ceiling is for
# ({ref}`D-36 <d-36>`), so here are all.

# %%
voxels, by_repeats = report.encoding_accuracy(run), report.voxel_accuracy(run)
print("\n".join(report.missing_repeats(run))
      or "There are validation pictures with 1, 2 and 3 trials.")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-encoding", "caption": "Encoding accuracy of each voxel against its noise ceiling, by stream, for responses averaged over 1, 2 and 3 trials (the paper's Fig. 16b). Dotted: accuracy at the ceiling. Dashed: 0. Grey: the planted noiseless response in the encoder's place, where there is one."}}
run.show(plots.accuracy_and_ceiling(by_repeats, origin=run.origin,
                                    title="Accuracy and ceiling, voxel by voxel"),
         "ceilings", data=by_repeats)

# %% [markdown]
# How closely one follows the other is their rank correlation over voxels (`value`; its interval draws pictures again, for
# voxels share the pictures' noise). `null` exchanges the pictures. `share` is the slope of accuracy on ceiling;
# `planted_share` that of the planted response, 1 but for the ceiling's own error.

# %%
agreement = report.ceiling_agreement(run)
run.table(agreement, "agreement")

# %% [markdown]
# ```{verdicts} 06_encoding_cycle
# :of: encoding-works ceiling-aligned
# ```

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lines", "caption": "Measured and predicted responses of the first 1,000 voxels (or all, if fewer) in two validation trials (the paper's Fig. 16a)."}}
measured, predicted = report.encoding_examples(run, n=2, n_voxels=1000)
run.show(plots.two_lines(measured, predicted, ("measured", "predicted"), origin=run.origin,
                         xlabel="voxel", ylabel="z", title="Two trials"), "lines")

# %% [markdown]
# Predicted lines are flatter: a prediction of a noisy response is best when it keeps to the part that can be known.
#
# ## Where
#
# The map lays the cortex flat as one would a globe: each hemisphere is taken for the ellipsoid that fills its half of the
# volume, and each voxel is projected around the occipital pole so that areas are kept. The walls of a sulcus lie over each
# other here. It is for looking; what is claimed is measured below.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-map", "caption": "Left: accuracy less the noise ceiling, for single trials, on the flat map (the paper's Fig. 16c). Right: accuracy. Occipital pole in the middle of each hemisphere, left hemisphere at the left; outlines: regions of the visual hierarchy and of categories."}}
flat, outlines = report.cortex_map(run, by_repeats)
run.show(plots.voxel_map(flat, {"less": "r - ceiling", "r": "r"}, outlines, origin=run.origin,
                         title="Where CLIP predicts activity"), "map", data=flat)

# %% [markdown]
# The paper draws on fsaverage's surface. A simulated brain has no folds, so each of its regions is drawn where the literature
# finds its namesake, and its voxels within that patch as they lie to each other. The geometry is real, the layout is an aid to
# the eye: nothing is measured on it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cortex", "caption": "Accuracy less the noise ceiling, for single trials, on the inflated cortex of fsaverage5 (geometry: real, dark grey in sulci; the paper's Fig. 16c). Where a simulated region lies on it is a drawing aid, no atlas. Vertices show the mean over the voxels that share them, smoothed over neighbours; outlines: visual areas and regions of categories, each named once."}}
cortex = report.cortex_surface(run, by_repeats)
run.show(plots.surface_map(cortex, "less", "r - ceiling", origin=run.origin,
                           title="Where CLIP predicts activity, on fsaverage"),
         "cortex", data=cortex)

# %% [markdown]
# The same to turn and to point at, not smoothed:
#
# ```{cortexview} 06_encoding_cycle
# ```

# %%
run.table(report.region_accuracy(run), "regions")

# %% [markdown]
# Are higher regions encoded better than V1 to hV4? Less the ceiling, as the paper has it, and as a share of it, for where
# the ceiling is low little can be lacking. Intervals are over pictures.

# %%
compared = report.higher_less_early(run)
run.table(compared, "higher_less_early")

# %% [markdown]
# ```{verdicts} 06_encoding_cycle
# :of: higher-better-encoded
# ```
#
# ## From other spaces
#
# The paper says that other spaces than CLIP's predict less, and more evenly over regions, and does not say which. Here
# ridge regression on CLIP's image embedding stands beside ridge on its caption embedding, on the picture's pixels and on
# its Gabor energy, and banded ridge {cite:p}`dupre2022` on several at once.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-spaces", "caption": "Mean correlation of predicted and measured single trials, by encoder and region, with 95 % intervals over pictures. Dotted: mean noise ceiling of the region's voxels."}}
accuracy = report.space_accuracy(run)
run.show(plots.encoders(accuracy, origin=run.origin, title="What predicts which region"), "spaces",
         data=accuracy)

# %%
run.table(report.unevenness(accuracy), "unevenness")

# %% [markdown]
# `early` and `higher` are shares of the ceiling, `ratio` their quotient, `less` their difference. What the claim says, as differences on the same
# voxels and pictures, positive where it holds:

# %%
differences = report.space_differences(run)
run.table(differences, "space_differences")

# %% [markdown]
# ```{verdicts} 06_encoding_cycle
# :of: other-spaces-encode
# ```
#
# ## Shared out
#
# The variance that all four spaces together explain, shared out between what only the picture's surface explains (pixels and
# Gabor energy), what only CLIP's embeddings do, and what both do. The planted tunings say which partition is true.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-partition", "caption": "Left: variance of single trials that the spaces explain alone and together, mean over the voxels of each region (how many in brackets); line: 95 % interval over pictures of what all explain together; tick: noise ceiling. Right: of what one kind of space explains alone, the part of pixels and Gabor energy, beside the share of the noiseless response that was planted to come from the picture's filters."}}
shares = report.region_partition(run)
run.show(plots.partitions(shares, report.PARTS, origin=run.origin,
                          title="What explains which region"), "partition", data=shares)

# %%
recovery = report.partition_recovery(run, shares)
run.table(recovery, "partition_recovery") if len(recovery) else report.NO_PLANT

# %% [markdown]
# `value` is the rank correlation of found and planted share, over voxels and over regions.
#
# ## There and back
#
# Picture → CLIP → encoder → activity → mappers → generator → picture. In the paper's cycle no brain is involved, and no
# noise: what survives is what encoder and mappers have in common. Beside it: the encoder's activity with noise as measured
# (a trial's difference from the mean over its picture's repeats), the true simulated brain in the encoder's place, the same
# with noise, and measured trials. All are generated from the same mappers, both heads.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cycle", "caption": "Pictures after the cycle through the encoder (the paper's Fig. 17), with measured noise, through the true simulated brain where there is one, and from a measured trial."}}
run.show(plots.picture_grid(report.cycle_columns(run, n=8), origin=run.origin), "cycle")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cycle-scores", "caption": "Identification of pictures after each cycle by a network that is in no loss, against one other picture (left) and against nine (right), with 95 % intervals over pictures. Grey: measured trials, and the encoder's cycle with pictures exchanged. Dashed: chance."}}
cycles = report.cycle_scores(run)
run.show(plots.cycles(cycles, origin=run.origin,
                      title="How well a picture is recognised after the cycle"),
         "cycle_identification", data=cycles)

# %% [markdown]
# ```{verdicts} 06_encoding_cycle
# :of: cycle
# ```
#
# ## Re-scored by the encoder
#
# An encoder can also score reconstructions: predict the activity that the reconstruction would evoke, and correlate it over
# voxels with what was measured. Against the trial that was decoded the score can be had without seeing anything: the
# trial's noise goes through the mapper into the picture, and the encoder gives it back. Against *another* trial of the same
# picture it cannot.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rescored", "caption": "Correlation over voxels of measured trials with the activity that the encoder predicts from several things, with 95 % intervals over pictures; the planted response and another measured trial need no encoder. Another picture's reconstruction is the null, the planted response the ceiling."}}
rescored = report.rescored(run)
run.show(plots.dots(rescored, hue="against", origin=run.origin, xlabel="correlation over voxels",
                    chance=0.0, title="Brain correlation of reconstructions"), "rescored",
         data=rescored)

# %% [markdown]
# What is gained by scoring against the trial itself rather than against another one is the decoded trial's own noise:

# %%
leaks = report.leak(run)
run.table(leaks, "leak") if len(leaks) else report.NO_REPEAT

# %% [markdown]
# ```{verdicts} 06_encoding_cycle
# :of: decoder-by-encoder
# ```

# %% tags=["remove-output"]
run.record(report.encoding_summary(run, voxels) | report.ceilings_summary(agreement, compared)
           | report.spaces_summary(accuracy, differences, recovery) | report.cycles_summary(cycles)
           | report.rescoring_summary(rescored, leaks))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 06_encoding_cycle
# :name: tab-encoding
# :caption: Encoding and cycle. The paper shows figures and gives no numbers.
# :keys: median_* follows_* share_of_ceiling_* higher_less_early_* encode_*_all partition_* cycle_*_2_way rescored_reconstruction_* leak_*
# ```
#
# **Reading** ({numref}`tab-encoding`).
#
# - The median voxel of {numref}`fig-encoding` is predicted at r = {ours}`06_encoding_cycle:median_r`, where noise allows
#   {ours}`06_encoding_cycle:median_ceiling`; with pictures shuffled, {ours}`06_encoding_cycle:median_r_shuffled`. A ceiling
#   for three trials over accuracy for one, which the paper does not rule out, would look far less good.
# - {numref}`fig-map` depends on what is subtracted: a correlation less a ceiling favours voxels whose ceiling is low. Higher
#   regions less early ones: {ours}`06_encoding_cycle:higher_less_early_less_ceiling` so, and
#   {ours}`06_encoding_cycle:higher_less_early_share_of_ceiling` as shares of the ceiling (point at them for their intervals).
# - Ridge on the same embedding reaches {ours}`06_encoding_cycle:encode_image_all`, the paper's network
#   {ours}`06_encoding_cycle:encode_network_all`; all four spaces together {ours}`06_encoding_cycle:encode_everything_all`
#   ({numref}`fig-spaces`).
# - Shared out ({numref}`fig-partition`), the part that pixels and Gabor energy alone explain goes with the planted one at a rank
#   correlation of {ours}`06_encoding_cycle:partition_voxels` over voxels and {ours}`06_encoding_cycle:partition_regions` over regions.
# - After the cycle ({numref}`fig-cycle`) a picture wins {ours}`06_encoding_cycle:cycle_clean_2_way` of its two-way
#   comparisons, with noise as measured {ours}`06_encoding_cycle:cycle_noisy_2_way`, and from measured trials
#   {ours}`06_encoding_cycle:cycle_brain_2_way` ({numref}`fig-cycle-scores`). A cycle without noise is no estimate of what a
#   brain allows.
# - A reconstruction's brain correlation of {ours}`06_encoding_cycle:rescored_reconstruction_same` owes
#   {ours}`06_encoding_cycle:leak_reconstruction` to the noise of the trial that it was decoded from
#   ({numref}`fig-rescored`).
